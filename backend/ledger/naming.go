package ledger

import (
	"encoding/hex"
	"hash/fnv"
	"slices"
	"strings"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/providers"
)

// partAtEnd is the end of a name, where every name that the engine makes has its fixed
// part.
func partAtEnd(name string) string {
	return strings.ToLower(name[max(0, len(name)-keyname.PartLength):])
}

// wordOf stands for a text in the index.
func wordOf(text string) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(text))
	return hash.Sum32()
}

// furtherWords stand for what was saved of a key beside its id.
func furtherWords(r *Record) []uint32 {
	var words []uint32
	for _, value := range r.Handle.Saved {
		if text, ok := providers.TextOf(value); ok && text != "" && text != r.Handle.ID {
			words = append(words, wordOf(text))
		}
	}
	return words
}

// IsSettled reports whether the index has every record that can be read, those too that a
// former leader wrote at last. Unreadable are the others.
func (l *Ledger) IsSettled() bool { return l.Rounds() > 1 && l.IsListed() }

// Naming are the ids of the records that may be of a key whose name ends with this fixed
// part, or that its provider knows by one of these values; empty ones are of none. Others
// may be among them.
func (l *Ledger) Naming(part string, values []string) (ids []string) {
	var names, words []uint32
	if part != "" {
		names = append(names, wordOf(strings.ToLower(part)))
	}
	for _, value := range values {
		if value != "" {
			words = append(words, wordOf(value))
		}
	}
	for n := range Shards {
		for _, key := range l.naming(n, names, words) {
			ids = append(ids, hex.EncodeToString(key[:]))
		}
	}
	return ids
}

// WithName are the ids of the records that may be of the key with this name.
func (l *Ledger) WithName(name string) []string { return l.Naming(partAtEnd(name), nil) }

// naming is Naming in one shard.
func (i *index) naming(n int, names, words []uint32) (keys []indexKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, one := range i.shards[n].records {
		if slices.Contains(names, one.part) || slices.Contains(words, one.id) {
			keys = append(keys, one.key)
		}
	}
	for key, further := range i.shards[n].further {
		if slices.ContainsFunc(further, func(word uint32) bool { return slices.Contains(words, word) }) {
			keys = append(keys, key)
		}
	}
	return keys
}
