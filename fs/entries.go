package fs

import "slices"

// entries are a directory's, as they come page by page. What is there stays where it is.
type entries struct {
	pages  [][]Entry
	starts []int // the number of each page's first entry
	n      int
}

// add appends a page, which is the list's from now on.
func (e *entries) add(page []Entry) {
	if len(page) == 0 {
		return
	}
	e.pages = append(e.pages, page)
	e.starts = append(e.starts, e.n)
	e.n += len(page)
}

// at returns entry i, or nil behind the last one.
func (e *entries) at(i int) *Entry {
	if i >= e.n {
		return nil
	}
	page, found := slices.BinarySearch(e.starts, i)
	if !found {
		page--
	}
	return &e.pages[page][i-e.starts[page]]
}
