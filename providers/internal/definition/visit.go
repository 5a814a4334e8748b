package definition

// blockKind is one of the blocks whose requests a definition writes.
type blockKind int

const (
	checkBlock blockKind = iota
	issueRequests
	revokeRequests
	listRequests // list and lookup
	extendRequests
	probeRequest
	rotateRequests
	retireRequests
	orphanRequests // list and lookup of rotate
	authRequests   // of the provider
)

// requestPosition is where a request stands.
type requestPosition struct {
	block blockKind
	part  part
	// list is the listing whose request it is, and poll the poll; nil for others.
	list *ListBlock
	poll *PollBlock
}

// part says what a request is to its block.
type part int

const (
	wholePart part = iota // the block's own, or one of its steps
	pollPart
	undoPart
	tokenPart // of an auth block that stands in the request
)

// visit shows every request that the definition writes, block by block: each step
// is followed by its poll, its undo, and the requests of its auth blocks.
func (d *Definition) visit(f func(at requestPosition, c *Call)) {
	visitCall(f, requestPosition{block: checkBlock}, d.Check)
	visitSteps(f, issueRequests, d.Issue.Calls)
	visitSteps(f, revokeRequests, d.Revoke)
	for _, list := range d.listings() {
		visitList(f, listRequests, list)
	}
	if d.Extend != nil {
		visitSteps(f, extendRequests, d.Extend.Calls)
	}
	if d.Probe != nil {
		visitCall(f, requestPosition{block: probeRequest}, d.Probe.Call)
	}
	d.Rotate.visit(f)
	visitTokens(f, requestPosition{block: authRequests}, d.Auth)
}

// visit shows the requests of rotate; none where there is no such block.
func (b *RotateBlock) visit(f func(at requestPosition, c *Call)) {
	if b == nil {
		return
	}
	visitSteps(f, rotateRequests, b.Calls)
	visitSteps(f, retireRequests, b.Retire)
	for _, list := range b.Lists {
		visitList(f, orphanRequests, list)
	}
}

func visitSteps(f func(at requestPosition, c *Call), in blockKind, steps []*Call) {
	for _, step := range steps {
		visitCall(f, requestPosition{block: in}, step)
	}
}

func visitList(f func(at requestPosition, c *Call), in blockKind, list *ListBlock) {
	for _, step := range list.Steps {
		visitList(f, in, step)
	}
	visitCall(f, requestPosition{block: in, list: list}, list.Call)
}

func visitCall(f func(at requestPosition, c *Call), at requestPosition, c *Call) {
	if c == nil {
		return
	}
	f(at, c)
	if c.Poll != nil {
		visitCall(f, requestPosition{block: at.block, part: pollPart, poll: c.Poll}, c.Poll.Call)
	}
	if c.Undo != nil {
		visitCall(f, requestPosition{block: at.block, part: undoPart}, c.Undo)
	}
	visitTokens(f, requestPosition{block: at.block, part: tokenPart}, c.Auth)
}

func visitTokens(f func(at requestPosition, c *Call), at requestPosition, uses []*AuthUse) {
	at.part = tokenPart
	for _, use := range uses {
		visitCall(f, at, use.Request)
	}
}

// isToken says that it is for a token, with which the request that needs it is
// signed.
func (at requestPosition) isToken() bool { return at.part == tokenPart }

// inRotate says that it belongs to the replacing of the admin credential.
func (at requestPosition) inRotate() bool {
	return at.block == rotateRequests || at.block == retireRequests || at.block == orphanRequests
}

// requests are those that the definition itself makes, without those for tokens.
func (d *Definition) requests() []*Call {
	var all []*Call
	d.visit(func(at requestPosition, c *Call) {
		if !at.isToken() {
			all = append(all, c)
		}
	})
	return all
}

// everyCall are all requests, those for tokens included.
func (d *Definition) everyCall() []*Call {
	var all []*Call
	d.visit(func(_ requestPosition, c *Call) { all = append(all, c) })
	return all
}

// Requests are all requests of the block, its undos and polls included.
func (b *RotateBlock) Requests() []*Call {
	var all []*Call
	b.visit(func(at requestPosition, c *Call) {
		if !at.isToken() {
			all = append(all, c)
		}
	})
	return all
}
