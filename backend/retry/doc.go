// Package retry says how long to wait before a thing is tried again. It does not try,
// and it does not count: the queue, the timetable and the engine do. What the client
// of a provider waits between its own requests is in package providers.
package retry
