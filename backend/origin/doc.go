// Package origin is what made a key or a credential: connection, provider, definition,
// address and account. It tells whose word on a thing counts; how to reach whoever
// that is, is the engine's part.
package origin
