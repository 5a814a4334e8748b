// Package queue is the durable list of what is to be ended at a provider and could not
// be yet: it says what is tried when, and how many at a time. What a try does is the
// engine's, and what comes at a time of its own, such as a rotation, is in package
// timetable.
package queue
