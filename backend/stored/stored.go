package stored

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

// ErrUnreadable means that what is stored is not what the engine stores there:
// trying again will not mend it.
var ErrUnreadable = errors.New("what is stored there cannot be read")

// ErrNewer is ErrUnreadable where a later version of the engine has written it, so
// that nothing is damaged.
var ErrNewer = fmt.Errorf("%w: a later version of the engine has written it", ErrUnreadable)

// Formatted is what tells the format in which it was stored.
type Formatted interface {
	// IsNewer reports whether the format is one that this version does not know.
	IsNewer() bool
}

// Complete is what tells whether it holds what it never goes without: JSON that lost that,
// as {} or null, is no more than what cannot be read.
type Complete interface {
	// IsComplete reports whether nothing is missing.
	IsComplete() bool
}

// Read decodes the JSON at path; nil when nothing is stored there.
func Read[T any](ctx context.Context, s logical.Storage, path string) (*T, error) {
	entry, err := s.Get(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if entry == nil {
		return nil, nil
	}
	value := new(T)
	if err := entry.DecodeJSON(value); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, reasonFor(entry), err)
	}
	if of, ok := any(value).(Formatted); ok && of.IsNewer() {
		return nil, fmt.Errorf("%s: %w", path, ErrNewer)
	}
	if of, ok := any(value).(Complete); ok && !of.IsComplete() {
		return nil, fmt.Errorf("%s: %w: what it never goes without is missing", path, ErrUnreadable)
	}
	return value, nil
}

// reasonFor is why an entry cannot be decoded. All formats so far go without a number.
func reasonFor(entry *logical.StorageEntry) error {
	var told struct {
		Format int `json:"format"`
	}
	if err := entry.DecodeJSON(&told); err == nil && told.Format > 0 {
		return ErrNewer
	}
	return ErrUnreadable
}

// Write stores value as JSON at path.
func Write(ctx context.Context, s logical.Storage, path string, value any) error {
	entry, err := logical.StorageEntryJSON(path, value)
	if err != nil {
		return err
	}
	return s.Put(ctx, entry)
}

// UnlessUnreadable sorts out an error of reading one of many entries: broken
// gathers what cannot be read, and any other error ends the reading.
func UnlessUnreadable(err error, broken *error) error {
	if errors.Is(err, ErrUnreadable) {
		*broken = errors.Join(*broken, err)
		return nil
	}
	return err
}
