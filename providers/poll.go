package providers

import "context"

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
