// Package usererror is the error of whoever asked: what the caller can mend, said in
// one sentence. It is not for faults of the engine, its storage or a provider, which
// are plain errors, nor for a provider's answer, which is providers.Error.
package usererror
