package paths

// stackRoom is more than the deepest request takes of its goroutine's stack.
const stackRoom = 16 << 10

// growStack has the goroutine's stack grow at once to what the deepest request needs.
// Each of Vault's requests comes on a goroutine of its own, whose stack would else be
// copied again and again, with ever more on it, while a definition's expressions are
// computed: that took a tenth of the plugin's time.
//
//go:noinline
func growStack(somewhere int) byte {
	var room [stackRoom]byte
	return room[somewhere%stackRoom]
}
