package definition

import (
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

func (p *parser) readPoll(block *hclsyntax.Block) *PollBlock {
	r := p.open(block.Body, "poll", []string{"get", "post", "json", "query", "headers", "ok", "response", "credential", "until", "failed", "every", "timeout", "save"}, requestBlocks)
	poll := &PollBlock{
		Call:    r.call(block),
		Until:   r.expression("until"),
		Failed:  r.expression("failed"),
		Every:   r.literalDuration("every"),
		Timeout: r.literalDuration("timeout"),
	}
	poll.Save = r.object("save")
	if poll.Until == nil {
		r.missing("until", "it says when the waiting ends, such as until = body.done, or until = [404]")
	}
	if poll.Every == 0 {
		poll.Every = defaultPollEvery
	}
	if poll.Timeout == 0 {
		poll.Timeout = defaultPollTimeout
	}
	if poll.Every < shortestPoll || poll.Timeout > longestPoll {
		p.add(block.DefRange(), "bad poll", "every is at least %s, and timeout at most %s: all of it happens while the caller waits.", shortestPoll, longestPoll)
	}
	if poll.Timeout < poll.Every {
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

// ReadsStatus reports whether a condition is about the status, so that it may speak of
// one that is no success.
func ReadsStatus(condition hclsyntax.Expression) bool {
	if condition == nil {
		return false
	}
	_, list := expr.Bare(condition).(*hclsyntax.TupleConsExpr)
	return list || len(expr.ReferencesTo("status", condition)) > 0
}
