package api

import (
	"net/http"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

func (a *API) listSpaces(c *call, in *struct {
	Count string `query:"count" enum:"1" doc:"1: tell how many files and folders each space holds"`
}) (*bodyOf[wire.Makeable[wire.Space]], error) {
	all, err := a.view(c).Spaces(c)
	if err != nil {
		return nil, err
	}
	may, err := a.view(c).MayMakeSpace(c)
	if err != nil {
		return nil, err
	}
	list := &bodyOf[wire.Makeable[wire.Space]]{wire.Makeable[wire.Space]{List: listOf(all, space).Body, MayMake: may}}
	if in.Count == "" {
		return list, nil
	}
	for i, s := range all {
		n, err := a.view(c).CountItems(c, s.RootID)
		if err != nil {
			return nil, err
		}
		list.Body.Items[i].Items = &n
	}
	return list, nil
}

func (a *API) resolvePath(c *call, in *struct {
	Path  string    `query:"path" required:"true" doc:"Names from the root, /Docs/a.txt"`
	Space coffer.ID `query:"space" doc:"Default: the caller's own"`
	Under coffer.ID `query:"under" doc:"Folder that the path begins in, in place of a space's root"`
}) (*nodeAnswer, error) {
	if !in.Under.IsZero() && !in.Space.IsZero() {
		return nil, coffer.E(coffer.Invalid, "invalid", "Name a space or a folder, not both.")
	}
	var d files.Detail
	var err error
	if in.Under.IsZero() {
		d, err = a.view(c).Resolve(c, in.Space, in.Path)
	} else {
		d, err = a.view(c).ResolveUnder(c, in.Under, in.Path)
	}
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, d), nil
}

func (a *API) getNode(c *call, in *ByID) (*nodeAnswer, error) {
	d, err := a.view(c).Stat(c, in.ID)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, d), nil
}

func (a *API) changeNode(c *call, in *struct {
	ByID
	IfExists string `query:"if_exists" enum:"fail,keep_both,version" doc:"When the name is taken; default fail"`
	IfMatch  string `header:"If-Match" doc:"Metadata ETag that the node must still have"`
	Body     wire.NodePatch
}) (*nodeAnswer, error) {
	rev, err := parseRev(in.IfMatch)
	if err != nil {
		return nil, a.unlessUnseen(c, in.ID, err)
	}
	d, err := a.view(c).Change(c, in.ID, files.Patch{Name: in.Body.Name, Parent: in.Body.ParentID, IfExists: coffer.IfExists(in.IfExists), IfRev: rev})
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, d), nil
}

// unlessUnseen is err, or "not found" when the caller cannot see the node at
// all: that comes before any condition.
func (a *API) unlessUnseen(c *call, id coffer.ID, err error) error {
	if _, unseen := a.view(c).Stat(c, id); unseen != nil {
		return unseen
	}
	return err
}

func (a *API) trashNode(c *call, in *struct {
	ByID
	IfMatch string `header:"If-Match" doc:"Metadata ETag that the node must still have"`
}) (*done, error) {
	rev, err := parseRev(in.IfMatch)
	if err != nil {
		return nil, a.unlessUnseen(c, in.ID, err)
	}
	return nil, a.view(c).Trash(c, in.ID, rev)
}

func (a *API) listChildren(c *call, in *struct {
	ByID
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" doc:"Default 200"`
	Sort   string `query:"sort" enum:"name,changed,size" doc:"Default name"`
	Order  string `query:"order" enum:"asc,desc" doc:"Default asc"`
	From   string `query:"from" enum:"end" doc:"The last page"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the page before"`
	Q      string `query:"q" maxLength:"255" doc:"Only names that contain this"`
}) (*bodyOf[wire.List[wire.Node]], error) {
	p, err := a.view(c).Children(c, in.ID, files.ListOptions{Limit: in.Limit, Sort: in.Sort, Desc: in.Order == "desc", FromEnd: in.From == "end", Cursor: in.Cursor, Query: in.Q})
	if err != nil {
		return nil, err
	}
	return pageOf(p, item), nil
}

func (a *API) createFolder(c *call, in *struct {
	ByID
	IfExists string `query:"if_exists" enum:"fail,keep_both,merge" doc:"When the name is taken; default fail. merge: the existing folder is the answer, with 200"`
	Body     wire.NewFolder
}) (*nodeAnswer, error) {
	d, created, err := a.view(c).CreateFolder(c, in.ID, in.Body.Name, coffer.IfExists(in.IfExists))
	if err != nil {
		return nil, err
	}
	return answer(createdOr200(created), d), nil
}

func (a *API) copyNode(c *call, in *struct {
	ByID
	IfExists string `query:"if_exists" enum:"fail,keep_both,version,merge" doc:"When the name is taken; default fail"`
	Body     wire.Copy
}) (*nodeAnswer, error) {
	d, created, err := a.view(c).Copy(c, in.ID, in.Body.ParentID, in.Body.Name, coffer.IfExists(in.IfExists))
	if err != nil {
		return nil, err
	}
	return answer(createdOr200(created), d), nil
}

func createdOr200(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

// batchAnswer is 200 with results, or 202 with a job.
type batchAnswer struct {
	Status   int
	Location string `header:"Location" doc:"Of the job"`
	Body     wire.BatchResults
}

func (a *API) batch(c *call, in *bodyOf[wire.Batch]) (*batchAnswer, error) {
	b := in.Body
	all, work, err := a.view(c).Batch(c, files.BatchRequest{Op: b.Op, IDs: b.IDs, To: b.To, IfExists: coffer.IfExists(b.IfExists)})
	if err != nil {
		return nil, err
	}
	out := &batchAnswer{Status: http.StatusOK, Body: wire.BatchResults{Results: mapped(all, a.batchResult(c))}}
	if work != nil {
		job := a.job(c)(*work)
		out.Status, out.Location, out.Body.Job = http.StatusAccepted, Prefix+"/jobs/"+job.ID.String(), &job
	}
	return out, nil
}

func (a *API) listJobs(c *call, _ *none) (*bodyOf[wire.List[wire.Job]], error) {
	all, err := a.view(c).AllWork(c)
	if err != nil {
		return nil, err
	}
	return listOf(all, a.job(c)), nil
}

func (a *API) getJob(c *call, in *ByID) (*bodyOf[wire.Job], error) {
	w, err := a.view(c).Work(c, in.ID)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Job]{a.job(c)(*w)}, nil
}

func (a *API) cancelJob(c *call, in *ByID) (*bodyOf[wire.Job], error) {
	w, err := a.view(c).CancelWork(c, in.ID)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Job]{a.job(c)(*w)}, nil
}

func (a *API) listTrash(c *call, in *struct {
	Space  coffer.ID `query:"space" doc:"Default: the caller's own"`
	Limit  int       `query:"limit" minimum:"1" maximum:"10000" doc:"Default 200"`
	Cursor string    `query:"cursor" maxLength:"4096" doc:"next of the page before"`
}) (*bodyOf[wire.List[wire.TrashItem]], error) {
	p, err := a.view(c).ListTrash(c, in.Space, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return pageOf(p, trashItem), nil
}

func (a *API) restoreNode(c *call, in *struct {
	ByID
	Body wire.Restore
}) (*nodeAnswer, error) {
	var to coffer.ID
	if in.Body.ParentID != nil {
		to = *in.Body.ParentID
	}
	d, err := a.view(c).Restore(c, in.ID, to)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, d), nil
}

func (a *API) listDamaged(c *call, _ *none) (*bodyOf[wire.List[wire.Damaged]], error) {
	all, err := a.view(c).Damaged(c)
	if err != nil {
		return nil, err
	}
	return listOf(all, func(d files.DamagedFile) wire.Damaged {
		return wire.Damaged{NodeID: d.ID, Name: d.Name, Version: d.Version, Current: d.Current, Owner: person(d.Owner), Lost: d.Lost, FoundAt: d.FoundAt}
	}), nil
}

func (a *API) deleteNode(c *call, in *ByID) (*bodyOf[wire.Erased], error) {
	final, err := a.view(c).Delete(c, in.ID)
	return &bodyOf[wire.Erased]{wire.Erased{FinalAt: final}}, err
}

func (a *API) emptyTrash(c *call, in *struct {
	Space coffer.ID `query:"space" doc:"Default: the caller's own"`
}) (*bodyOf[wire.Erased], error) {
	final, err := a.view(c).EmptyTrash(c, in.Space)
	return &bodyOf[wire.Erased]{wire.Erased{FinalAt: final}}, err
}

func (a *API) checkFiles(c *call, in *struct {
	ByID
	Body wire.Check
}) (*bodyOf[wire.CheckResults], error) {
	asked := mapped(in.Body.Files, func(f wire.CheckFile) files.Candidate { return files.Candidate{Name: f.Name, Size: f.Size} })
	verdicts, err := a.view(c).CheckFiles(c, in.ID, asked)
	if err != nil {
		return nil, err
	}
	out := wire.CheckResults{Results: make([]wire.CheckResult, len(asked))}
	for i, verdict := range verdicts {
		out.Results[i].Name = asked[i].Name
		if verdict != nil { // not noted in the log: a name that is taken is everyday
			p := gate.Problem(c, verdict)
			out.Results[i].Problem = &p
		}
	}
	return &bodyOf[wire.CheckResults]{out}, nil
}
