// Package keyname makes the names that keys and admin credentials have at a provider,
// and reads them again: whose they are, and from when. What a provider allows in a
// name is in its definition (providers.KeyName); which names are held is the engine's
// to know.
package keyname
