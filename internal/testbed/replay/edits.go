package replay

// edit puts one text in the place of another, which occurs once in a file of the
// standard library.
type edit struct{ file, old, new, why string }

// edits are those to Go 1.26. TestEditsApply fails where a toolchain has other texts.
var edits = []edit{
	{
		"runtime/proc.go", "const forcePreemptNS = 10 * 1000 * 1000 ", "const forcePreemptNS = 3600 * 1000 * 1000 * 1000 ",
		"A goroutine runs until it waits. Ten milliseconds pass within one instruction on a busy machine.",
	},
	{
		"runtime/proc.go", "if pp.schedtick%61 == 0 && !sched.runq.empty() {", "if false {",
		"The queue of all processors comes after that of the only one, not before it at each 61st turn.",
	},
	{
		"runtime/proc.go", "runqput(mp.p.ptr(), gp, next)", "runqput(mp.p.ptr(), gp, next && gp.bubble != nil)",
		"What wakes up outside, by real time, does not go before those of the bubble.",
	},
	{
		"runtime/proc.go", "runqput(pp, newg, true)", "runqput(pp, newg, newg.bubble != nil)",
		"Nor does what begins outside.",
	},
	{
		"internal/sync/mutex.go", "starvationThresholdNs = 1e6", "starvationThresholdNs = 3600e9",
		"Whoever waits for a lock waits in line, however long that takes.",
	},
	{
		"runtime/rand.go", "	globalRand.state.Init(*seed)\n	clear(seed[:])\n\n	if startup", "	*seed = [32]byte{1}\n	globalRand.state.Init(*seed)\n	clear(seed[:])\n\n	if startup",
		"Each process begins with the same chance: hashes and addresses depend on it.",
	},
	{
		"runtime/rand.go", "func maps_rand() uint64 {\n	return rand()\n}", mapsRand,
		"A map's order, in a bubble, is a matter of the bubble's time.",
	},
	{
		"runtime/select.go", "j := cheaprandn(uint32(norder + 1))", "j := selectrandn(uint32(norder + 1))",
		"So is a select's, and of how many the goroutine made before: one that goes round at one moment tries all.",
	},
	{
		"runtime/runtime2.go", "	bubble  *synctestBubble\n", "	bubble  *synctestBubble\n	selects uint64\n",
		"That number.",
	},
	{
		"runtime/proc.go", "	newg.startpc = fn.fn\n", "	newg.startpc = fn.fn\n	newg.selects = 0\n",
		"A goroutine's memory is used again.",
	},
	{
		"runtime/time.go", "t.rand = cheaprand()", "t.rand = uint32(bubblerand(0))",
		"Timers of one moment fire in an order of the moment at which they were set.",
	},
}

// mapsRand is what draws for maps, and beside it what draws for the others.
const mapsRand = `func maps_rand() uint64 {
	if getg().bubble != nil {
		return bubblerand(0)
	}
	return rand()
}

// bubblerand draws by the time of the bubble that runs, and by n.
func bubblerand(n uint64) uint64 {
	x := uint64(getg().bubble.now) + n*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func selectrandn(n uint32) uint32 {
	gp := getg()
	if gp.bubble == nil {
		return cheaprandn(n)
	}
	gp.selects++
	return uint32(bubblerand(gp.selects) >> 32 * uint64(n) >> 32)
}`
