package wire

import "coffer"

// FileRequest is an address at which people without an account put files into a
// folder, and see nothing.
type FileRequest struct {
	ID          coffer.ID       `json:"id"`
	Node        *RequestFolder  `json:"node,omitempty" doc:"Where the files go; told to those who manage the folder"`
	Title       string          `json:"title"`
	Note        string          `json:"note,omitempty" doc:"To the senders; told to those who manage the folder"`
	CreatedAt   int64           `json:"created_at"`
	CreatedBy   *Person         `json:"created_by,omitempty"`
	EndsAt      *int64          `json:"ends_at" doc:"ms; null: never"`
	HasPassword bool            `json:"has_password"`
	MaxFiles    *int64          `json:"max_files" doc:"In all; null: no limit"`
	MaxBytes    *int64          `json:"max_bytes" doc:"Of one file; null: no limit"`
	Types       []string        `json:"types" doc:"pdf, word, excel, powerpoint, pictures, video, audio, text, zip, or ends of names like .dwg; empty: every file"`
	AskEmail    bool            `json:"ask_email" doc:"Senders type an e-mail address beside their name, and get a receipt there"`
	Subfolders  bool            `json:"subfolders" doc:"Each sender gets a folder"`
	Received    RequestReceived `json:"received"`
	Notify      bool            `json:"notify" doc:"Who made it gets a mail about what has come"`
	State       string          `json:"state" enum:"live,ended,full,off"`
	Stopped     bool            `json:"stopped,omitempty" doc:"It is off because its folder is gone, or because who made it left or may not share the folder any more"`
	URL         string          `json:"url,omitempty" doc:"Told to those who manage the folder"`
	MayChange   bool            `json:"may_change" doc:"The caller manages the folder"`
}

// RequestFolder is where the files of a request go.
type RequestFolder struct {
	ID   coffer.ID `json:"id"`
	Name string    `json:"name" doc:"Empty for the root of the own space"`
}

// RequestReceived is what has come by a request.
type RequestReceived struct {
	Files  int64  `json:"files"`
	Bytes  int64  `json:"bytes"`
	LastAt *int64 `json:"last_at" doc:"null: nothing yet"`
}

// NewFileRequest makes a file request: POST /nodes/{id}/requests. Absent fields
// take the usual value; what has none is null.
type NewFileRequest struct {
	Title      string       `json:"title"`
	Note       string       `json:"note,omitempty"`
	EndsAt     Null[int64]  `json:"ends_at,omitzero" doc:"ms; absent: as the policy says; null or 0: never"`
	Password   Null[string] `json:"password,omitzero" doc:"Absent, null or empty: none"`
	MaxFiles   Null[int64]  `json:"max_files,omitzero" doc:"Absent, null or 0: no limit"`
	MaxBytes   Null[int64]  `json:"max_bytes,omitzero" doc:"Of one file; absent, null or 0: no limit"`
	Types      []string     `json:"types,omitempty"`
	AskEmail   *bool        `json:"ask_email,omitempty" doc:"Absent: true"`
	Subfolders *bool        `json:"subfolders,omitempty" doc:"Absent: true"`
	Notify     *bool        `json:"notify,omitempty" doc:"Absent: true"`
}

// FileRequestPatch changes a file request: PATCH /requests/{id}. Absent fields
// stay.
type FileRequestPatch struct {
	Title      *string      `json:"title,omitempty"`
	Note       *string      `json:"note,omitempty"`
	EndsAt     Null[int64]  `json:"ends_at,omitzero" doc:"ms; null or 0: never"`
	Password   Null[string] `json:"password,omitzero" doc:"null or empty: none"`
	MaxFiles   Null[int64]  `json:"max_files,omitzero" doc:"null or 0: no limit"`
	MaxBytes   Null[int64]  `json:"max_bytes,omitzero" doc:"null or 0: no limit"`
	Types      *[]string    `json:"types,omitempty"`
	AskEmail   *bool        `json:"ask_email,omitempty"`
	Subfolders *bool        `json:"subfolders,omitempty"`
	Notify     *bool        `json:"notify,omitempty"`
	Off        *bool        `json:"off,omitempty" doc:"true turns it off, false on again"`
}

// FileRequestBatch changes many file requests: POST /requests/batch.
type FileRequestBatch struct {
	IDs    []coffer.ID `json:"ids"`
	Off    *bool       `json:"off,omitempty"`
	EndsAt Null[int64] `json:"ends_at,omitzero" doc:"ms; null or 0: never"`
}

// FileRequestResult is what came of one request of a batch: the request, or a
// problem.
type FileRequestResult struct {
	ID      coffer.ID    `json:"id"`
	Request *FileRequest `json:"request,omitempty"`
	Problem *Problem     `json:"problem,omitempty"`
}

// FileRequestResults is the answer to a batch.
type FileRequestResults struct {
	Results []FileRequestResult `json:"results"`
}
