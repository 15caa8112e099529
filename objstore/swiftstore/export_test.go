package swiftstore

import (
	"context"
	"time"
)

// Token returns the token that the next request is made with.
func Token(ctx context.Context, s *Store) (string, error) {
	login, err := s.logins.get(ctx, "")
	return login.Token, err
}

// LetTimePass makes the last login one of long ago.
func LetTimePass(s *Store) {
	s.logins.mu.Lock()
	defer s.logins.mu.Unlock()
	s.logins.asked = time.Now().Add(-2 * loginPause)
}
