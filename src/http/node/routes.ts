import type { HttpApp } from '../server.ts';
import { getCrl } from './get-crl.ts';
import { getEvents } from './get-events.ts';
import { getHealth } from './get-health.ts';
import { getIndicators } from './get-indicators.ts';
import { getMessages } from './get-messages.ts';
import { getPeers } from './get-peers.ts';
import { getRecords } from './get-records.ts';
import { getStatus } from './get-status.ts';
import { getVoucher } from './get-voucher.ts';
import { admitMembersOnly } from './member.ts';
import type { MemberDeps, ProgramDeps } from './node-service.ts';
import { postCandidates } from './post-candidates.ts';
import { postGossip } from './post-gossip.ts';
import { postGossipPrepare } from './post-gossip-prepare.ts';
import { postLeave } from './post-leave.ts';
import { postMessages } from './post-messages.ts';
import { postMessagesSigned } from './post-messages-signed.ts';

/** The endpoints on the node's port, for members of the mesh. */
export function addMemberRoutes(app: HttpApp, deps: MemberDeps): void {
  admitMembersOnly(app, deps);
  for (const add of [getPeers, postGossipPrepare, postGossip, getHealth]) add(app, deps);
}

/** The endpoints on the control socket, for programs on this machine. */
export function addProgramRoutes(app: HttpApp, deps: ProgramDeps): void {
  for (const add of [
    postMessages,
    postMessagesSigned,
    getMessages,
    getVoucher,
    getCrl,
    getIndicators,
    getStatus,
    getPeers,
    getRecords,
    getEvents,
    postCandidates,
    postLeave,
    getHealth,
  ])
    add(app, deps);
}
