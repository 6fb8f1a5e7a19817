import type { HttpApp } from '../server.ts';
import type { AuthorityDeps } from './deps.ts';
import { deleteAccessKey } from './delete-access-key.ts';
import { deleteAdministrator } from './delete-administrator.ts';
import { deleteTicket } from './delete-ticket.ts';
import { getAdministrators } from './get-administrators.ts';
import { getAudit } from './get-audit.ts';
import { getDelegates } from './get-delegates.ts';
import { getCrl } from './get-crl.ts';
import { getHealth } from './get-health.ts';
import { getNodes } from './get-nodes.ts';
import { getOpenapi } from './get-openapi.ts';
import { getTickets } from './get-tickets.ts';
import { postAccessKeys } from './post-access-keys.ts';
import { postAlarms } from './post-alarms.ts';
import { postAdministrators } from './post-administrators.ts';
import { postCheckIn } from './post-check-in.ts';
import { postDelegates } from './post-delegates.ts';
import { postDelegatesRevoke } from './post-delegates-revoke.ts';
import { postEnroll } from './post-enroll.ts';
import { postKeyTree } from './post-key-tree.ts';
import { postRecovery } from './post-recovery.ts';
import { postRevoke } from './post-revoke.ts';
import { postTickets } from './post-tickets.ts';
import { postWallets } from './post-wallets.ts';

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
