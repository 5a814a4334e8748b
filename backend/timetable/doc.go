// Package timetable says what is rotated when, and starts it when its time has come.
// What a rotation does is the engine's; what is tried until it succeeds is in package
// queue.
package timetable
