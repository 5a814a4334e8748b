package providers

import (
	"context"
	"net/http"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// pollUntilDone asks until the condition holds. Running out of time is an unknown
// outcome: what was started may still be done later.
func (c *Client) pollUntilDone(ctx context.Context, poll *definition.PollBlock, s expr.Scope) (*evaluated, *Error) {
	const late = "what the request started is not done in time"
	ctx, cancel := context.WithTimeout(ctx, poll.Timeout)
	defer cancel()
	for {
		got, done, failed := c.look(ctx, poll, s)
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
		if sleep(ctx, poll.Every) != nil {
			return nil, c.unusable(poll.Call, got, late)
		}
	}
}

// look asks once.
func (c *Client) look(ctx context.Context, poll *definition.PollBlock, s expr.Scope) (got *evaluated, done bool, failed *Error) {
	if got, failed = c.send(ctx, poll.Call, s, transport.Read); failed != nil {
		return nil, false, failed
	}
	if got.says(poll.Failed) {
		return got, false, c.unusable(poll.Call, got, "what the request started has failed: "+c.message(got))
	}
	if definition.ReadsStatus(poll.Until) && !got.throttled {
		if got.says(poll.Until) {
			return got, true, nil
		}
		if mayStillCome(poll.Call, got.status) {
			return got, false, nil
		}
	}
	if failed = c.judge(poll.Call, got); failed != nil {
		return got, false, failed
	}
	done, err := got.scope.Matches(poll.Until, got.status)
	if err != nil {
		return got, false, c.unusable(poll.Call, got, "until: "+err.Error())
	}
	return got, done, nil
}

// mayStillCome reports whether a refusal may be what the poll waits to see the end of:
// something is not there yet, or a new key is not taken yet. Not the admin credential.
func mayStillCome(c *definition.Call, status int) bool {
	return status >= 400 && status <= 499 && !(status == http.StatusUnauthorized && c.Credential == definition.AdminCredential)
}
