// Package child runs a program as a process that never outlives this one, however
// it ends. It knows nothing of what the program serves: package daemon waits until
// a server answers, and the packages named after servers know how each is set up.
package child
