package providers

import (
	"context"
	"net/http"
)

// wait polls until the condition holds. Running out of time is an unknown
// outcome: what was started may still be done later.
func (c *Client) wait(ctx context.Context, poll *pollBlock, s scope, secrets *secretTexts) (*answered, *Error) {
	const late = "what the request started is not done in time"
	ctx, cancel := context.WithTimeout(ctx, poll.timeout)
	defer cancel()
	for {
		got, done, failed := c.look(ctx, poll, s, secrets)
		switch {
		case failed != nil:
			if ctx.Err() != nil {
				failed.Message = late
			}
			// Whatever the read met, what was started may be there.
			failed.Kind = Unknown
			return nil, failed
		case done:
			return got, nil
		}
		if sleep(ctx, poll.every) != nil {
			return nil, c.unusable(poll.call, got, late, secrets)
		}
	}
}

// look asks once.
func (c *Client) look(ctx context.Context, poll *pollBlock, s scope, secrets *secretTexts) (got *answered, done bool, failed *Error) {
	if got, failed = c.send(ctx, poll.call, s, classRead, secrets); failed != nil {
		return nil, false, failed
	}
	if got.says(poll.failed) {
		return got, false, c.unusable(poll.call, got, "what the request started has failed: "+c.message(got, secrets), secrets)
	}
	if readsStatus(poll.until) && !got.throttled {
		if got.says(poll.until) {
			return got, true, nil
		}
		if mayStillCome(poll.call, got.status) {
			return got, false, nil
		}
	}
	if failed = c.judge(poll.call, got, secrets); failed != nil {
		return got, false, failed
	}
	done, err := got.scope.verdict(poll.until, got.status)
	if err != nil {
		return got, false, c.unusable(poll.call, got, "until: "+err.Error(), secrets)
	}
	return got, done, nil
}

// mayStillCome reports whether a refusal may be what the poll waits to see the end of:
// something is not there yet, or a new key is not taken yet. Not the admin credential.
func mayStillCome(c *call, status int) bool {
	return status >= 400 && status <= 499 && !(status == http.StatusUnauthorized && c.credential == adminCredential)
}
