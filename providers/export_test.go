package providers

import "time"

// StopClock makes the client's clock stand still, and each nonce "nonce".
func (c *Client) StopClock(now time.Time) {
	c.now = func() time.Time { return now }
	c.nonce = func() string { return "nonce" }
}
