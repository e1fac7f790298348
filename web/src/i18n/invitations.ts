// Words of the page of invitations, loaded with it. Kept apart from `t`, which
// loads at once.
import { invitations } from "./en-invitations";

export const invitationWords = invitations;
