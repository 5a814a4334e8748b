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

// wordSet are the words of some texts.
type wordSet struct {
	few  []uint32
	many map[uint32]bool // in place of few, where it is quicker to ask
}

// fewWords are as many as are compared more quickly than looked up.
const fewWords = 8

// wordsOf are the words of texts in that spelling. Empty ones have none.
func wordsOf(texts []string, spelling func(string) string) wordSet {
	var set wordSet
	for _, text := range texts {
		if text != "" {
			set.few = append(set.few, wordOf(spelling(text)))
		}
	}
	if len(set.few) > fewWords {
		set.many = map[uint32]bool{}
		for _, word := range set.few {
			set.many[word] = true
		}
	}
	return set
}

func (w wordSet) has(word uint32) bool {
	if w.many != nil {
		return w.many[word]
	}
	return slices.Contains(w.few, word)
}

func unchanged(text string) string { return text }

// Naming are the ids of the records that may be of a key whose name ends with one of these
// fixed parts, or that its provider knows by one of these values; empty ones are of none.
// Others may be among them. It is one walk through the index, however many are asked for.
func (l *Ledger) Naming(parts, values []string) (ids []string) {
	names, words := wordsOf(parts, strings.ToLower), wordsOf(values, unchanged)
	for n := range Shards {
		for _, key := range l.naming(n, names, words) {
			ids = append(ids, hex.EncodeToString(key[:]))
		}
	}
	return ids
}

// WithNames are the ids of the records that may be of the keys with these names.
func (l *Ledger) WithNames(names []string) []string {
	var parts []string
	for _, name := range names {
		parts = append(parts, partAtEnd(name))
	}
	return l.Naming(parts, nil)
}

// naming is Naming in one shard.
func (i *index) naming(n int, names, words wordSet) (keys []indexKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, one := range i.shards[n].records {
		if names.has(one.part) || words.has(one.id) {
			keys = append(keys, one.key)
		}
	}
	for key, further := range i.shards[n].further {
		if slices.ContainsFunc(further, words.has) {
			keys = append(keys, key)
		}
	}
	return keys
}
