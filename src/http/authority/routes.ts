import type { HttpApp } from '../server.ts';
import type { AuthorityDeps } from './deps.ts';
import { deleteAccessKey } from './access/delete-access-key.ts';
import { deleteAdministrator } from './access/delete-administrator.ts';
import { deleteTicket } from './enrollment/delete-ticket.ts';
import { getAdministrators } from './access/get-administrators.ts';
import { getAudit } from './get-audit.ts';
import { getDelegates } from './delegates/get-delegates.ts';
import { getCrl } from './revocation/get-crl.ts';
import { getHealth } from './health/get-health.ts';
import { getNodes } from './enrollment/get-nodes.ts';
import { getOpenapi } from './get-openapi.ts';
import { getTickets } from './enrollment/get-tickets.ts';
import { postAccessKeys } from './access/post-access-keys.ts';
import { postAlarms } from './revocation/post-alarms.ts';
import { postAdministrators } from './access/post-administrators.ts';
import { postCheckIn } from './enrollment/post-check-in.ts';
import { postDelegates } from './delegates/post-delegates.ts';
import { postDelegatesRevoke } from './delegates/post-delegates-revoke.ts';
import { postEnroll } from './enrollment/post-enroll.ts';
import { postKeyTree } from './delegates/post-key-tree.ts';
import { postRecovery } from './health/post-recovery.ts';
import { postRevoke } from './revocation/post-revoke.ts';
import { postTickets } from './enrollment/post-tickets.ts';
import { postWallets } from './delegates/post-wallets.ts';

/** All endpoints of an authority, one file each: parse → act → render. */
export function addAuthorityRoutes(app: HttpApp, deps: AuthorityDeps): void {
  for (const add of [
    postEnroll,
    getCrl,
    postRevoke,
    getNodes,
    postTickets,
    getTickets,
    getAudit,
    deleteTicket,
    postAdministrators,
    getAdministrators,
    deleteAdministrator,
    postAccessKeys,
    deleteAccessKey,
    postCheckIn,
    postAlarms,
    postRecovery,
    postDelegates,
    getDelegates,
    postDelegatesRevoke,
    postWallets,
    postKeyTree,
    getHealth,
    getOpenapi,
  ])
    add(app, deps);
}
