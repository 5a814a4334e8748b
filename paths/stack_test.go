package paths

import "testing"

// TestStackGrowsAtOnce: wherever in its room it looks, there is nothing, and it takes no
// memory of the heap.
func TestStackGrowsAtOnce(t *testing.T) {
	for _, length := range []int{0, 1, stackRoom - 1, stackRoom, 3 * stackRoom} {
		if allocations := testing.AllocsPerRun(10, func() {
			if got := growStack(length); got != 0 {
				t.Errorf("growStack(%d) found %d", length, got)
			}
		}); allocations > 0 {
			t.Errorf("growStack(%d) allocates %g times", length, allocations)
		}
	}
}
