package backend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// makerNote is a process that made keys, as storage tells of it.
type makerNote struct {
	// Maker is what the names of its keys show; empty for versions whose names
	// show nothing.
	Maker string `json:"maker,omitempty"`
	// Seen is its last sign of life.
	Seen time.Time `json:"seen"`
	// Ahead are windows after that in which it may have made keys.
	Ahead marks.Windows `json:"ahead,omitempty"`
}

// reaches reports whether the process may have made keys after a time.
func (m makerNote) reaches(t time.Time) bool {
	return m.Seen.After(t) || slices.ContainsFunc(m.Ahead, func(w marks.Window) bool { return w.Until.After(t) })
}

// made reports whether the process may have made a key by this maker, as far as
// one that started after it can tell: it was over by then, or had lost its storage.
func (m makerNote) made(maker string, issued, start time.Time) bool {
	if m.Maker != "" && m.Maker != maker {
		return false
	}
	start = start.Add(nodesApart)
	return !issued.After(m.Seen) || slices.ContainsFunc(m.Ahead, func(w marks.Window) bool {
		// A window that begins after our start is of a clock ahead of ours.
		return w.Contains(issued) && (!issued.After(start) || w.Since.After(start))
	})
}

func makersOf(all []makerNote) []string {
	var makers []string
	for _, one := range all {
		makers = append(makers, one.Maker)
	}
	return makers
}

// formerMakers are those that a lookout from now on has to know: the process that
// signed last, with what its marks tell, and those before it.
func (e *Engine) formerMakers(ctx context.Context, s logical.Storage, found *signature, note *lookoutNote) ([]makerNote, error) {
	if found == nil {
		return nil, nil
	}
	marks, err := e.books.marks.OfOthers(ctx, s)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return nil, err
	}
	last := found.makerNote
	last.Ahead = slices.Clone(last.Ahead)
	for _, m := range marks {
		if !strings.HasSuffix(m.Path, "/"+found.Epoch) {
			continue
		}
		for _, w := range m.Mark.Windows {
			if !last.Ahead.Cover(w) {
				last.Ahead = append(last.Ahead, w)
			}
		}
	}
	since := found.Seen
	if note != nil {
		since = note.Sign
	}
	all := slices.DeleteFunc(append(slices.Clone(found.Former), last), func(m makerNote) bool { return !m.reaches(since) })
	for len(all) > mostMakers {
		if note != nil && all[0].Seen.After(note.Sign) {
			note.Sign = all[0].Seen
		}
		all = all[1:]
	}
	return all, nil
}

// makerOf is the process that made a key; empty where its name does not tell.
func (e *Engine) makerOf(ctx context.Context, name string) (string, error) {
	mount, err := e.mount(ctx, e.storage)
	if err != nil {
		return "", err
	}
	part, _, ours := keyname.FindKeyPart(mount.Tag, name)
	if !ours {
		return "", nil
	}
	return keyname.MakerIn(part), nil
}

// accountsFor reports whether a key may be a former process', or is so old that it
// does not matter.
func (l *lookout) accountsFor(maker string, issued time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !issued.After(l.sign) || slices.ContainsFunc(l.former, func(m makerNote) bool { return m.made(maker, issued, l.start) })
}
