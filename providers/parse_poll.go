package providers

import (
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func (p *parser) readPoll(block *hclsyntax.Block) *pollBlock {
	r := p.open(block.Body, "poll", []string{"get", "post", "json", "query", "headers", "ok", "response", "until", "failed", "every", "timeout", "save"}, requestBlocks)
	poll := &pollBlock{
		call:    r.call(block),
		until:   r.expression("until"),
		failed:  r.expression("failed"),
		every:   r.literalDuration("every"),
		timeout: r.literalDuration("timeout"),
	}
	poll.save = r.object("save")
	if poll.until == nil {
		r.missing("until", "it says when the waiting ends, such as until = body.done, or until = [404]")
	}
	if poll.every == 0 {
		poll.every = defaultPollEvery
	}
	if poll.timeout == 0 {
		poll.timeout = defaultPollTimeout
	}
	if poll.every < shortestPoll || poll.timeout > longestPoll {
		p.add(block.DefRange(), "bad poll", "every is at least %s, and timeout at most %s: all of it happens while the caller waits.", shortestPoll, longestPoll)
	}
	if poll.timeout < poll.every {
		p.add(block.DefRange(), "bad poll", "timeout must not be less than every.")
	}
	return poll
}

const (
	defaultPollEvery   = 2 * time.Second
	defaultPollTimeout = time.Minute
	shortestPoll       = 100 * time.Millisecond
	longestPoll        = time.Hour
)

// readsStatus reports whether a verdict is about the status, so that it may speak of
// one that is no success.
func readsStatus(verdict hclsyntax.Expression) bool {
	if verdict == nil {
		return false
	}
	_, list := bare(verdict).(*hclsyntax.TupleConsExpr)
	return list || len(mentionsOf("status", verdict)) > 0
}
