import type { HttpApp } from '../server.ts';
import { getCrl } from './programs/get-crl.ts';
import { getEvents } from './programs/get-events.ts';
import { getHealth } from './get-health.ts';
import { getIndicators } from './programs/get-indicators.ts';
import { getMessages } from './programs/get-messages.ts';
import { getPeers } from './get-peers.ts';
import { getRecords } from './programs/get-records.ts';
import { getStatus } from './programs/get-status.ts';
import { getVoucher } from './programs/get-voucher.ts';
import { admitMembersOnly } from './members/member.ts';
import type { MemberDeps, ProgramDeps } from './deps.ts';
import { postCandidates } from './programs/post-candidates.ts';
import { postGossip } from './members/post-gossip.ts';
import { postGossipPrepare } from './members/post-gossip-prepare.ts';
import { postLeave } from './programs/post-leave.ts';
import { postMessages } from './programs/post-messages.ts';
import { postMessagesSigned } from './programs/post-messages-signed.ts';

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
