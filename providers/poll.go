package providers

import (
	"context"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const (
	defaultPollEvery   = 2 * time.Second
	defaultPollTimeout = time.Minute
	shortestPoll       = 100 * time.Millisecond
	longestPoll        = time.Hour
)

// pollBlock repeats a read until what a request started is done.
type pollBlock struct {
	*call
	until          hclsyntax.Expression
	every, timeout time.Duration
}

func (p *parser) readPoll(block *hclsyntax.Block) *pollBlock {
	r := p.open(block.Body, "poll", []string{"get", "query", "headers", "ok", "response", "until", "every", "timeout", "save"}, requestBlocks)
	poll := &pollBlock{
		call:    r.call(block),
		until:   r.expression("until"),
		every:   r.literalDuration("every"),
		timeout: r.literalDuration("timeout"),
	}
	poll.save = r.object("save")
	if poll.until == nil {
		r.missing("until", "it says when the waiting ends, such as until = body.done")
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

// wait polls until the condition holds. Running out of time is an unknown
// outcome: what was started may still be done later.
func (c *Client) wait(ctx context.Context, poll *pollBlock, s scope, secrets *secretTexts) (*answered, *Error) {
	const late = "what the request started is not done in time"
	ctx, cancel := context.WithTimeout(ctx, poll.timeout)
	defer cancel()
	for {
		got, failed := c.exchange(ctx, poll.call, s, classRead, secrets)
		if failed != nil {
			if ctx.Err() != nil {
				failed.Message = late
			}
			// Whatever the read met, what was started may be there.
			failed.Kind = Unknown
			return nil, failed
		}
		done, err := got.scope.truth(poll.until)
		if err != nil {
			return nil, c.unusable(poll.call, got, "until: "+err.Error(), secrets)
		}
		if done {
			return got, nil
		}
		if sleep(ctx, poll.every) != nil {
			return nil, c.unusable(poll.call, got, late, secrets)
		}
	}
}
