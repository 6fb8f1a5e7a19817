import type { StatusResponse } from '../../../api/node-programs.ts';
import { SECOND_MS, toRfc3339, unixMsFromSeconds } from '../../../base/time.ts';
import { certificateStateAt } from '../../../node/time/certificate-watch.ts';
import type { HttpApp } from '../../server.ts';
import type { NodeFacts, NodeService, ProgramDeps } from '../deps.ts';

/** `GET /v1/status`: who this node is, whom it is linked with, what it has counted. */
export function getStatus(app: HttpApp, { service, facts }: ProgramDeps): void {
  app.get('/v1/status', async (): Promise<StatusResponse> => statusJson(service, facts));
}

function statusJson(service: NodeService, facts: NodeFacts): StatusResponse {
  const { node } = service;
  const revoked = facts.isRevoked();
  const { statistics, backlog, holdings } = node;
  return {
    node_id: node.self,
    mesh: node.mesh,
    name: facts.name,
    version: facts.version,
    started_at: toRfc3339(facts.startedAt),
    addresses: [...facts.addresses()],
    incarnation: node.incarnation,
    certificate: {
      state: revoked ? 'revoked' : certificateStateAt(facts.certificate, service.now().wall),
      serial: facts.certificate.serial,
      not_after: toRfc3339(facts.certificate.notAfter),
      roles: [...node.roles],
      revoked,
    },
    clock_behind_sec: Math.round(facts.clockBehindMs() / SECOND_MS),
    links: node.links.map(({ peer, end }) => ({ node_id: peer, direction: end.direction, address: end.remoteAddress })),
    crls: node.crls().map(({ issuerKeyHash, number, thisUpdate }) => ({
      issuer_key_hash: issuerKeyHash,
      number,
      this_update: toRfc3339(unixMsFromSeconds(thisUpdate)),
      kept: node.keptRevocations(issuerKeyHash),
    })),
    messages: {
      held: holdings.messages.size,
      streams: holdings.messages.streams.size,
      checking: backlog.checking,
      unsaved: backlog.journal,
    },
    candidates: backlog.candidates,
    counters: {
      accepted: statistics.accepted,
      published: statistics.published,
      conflicts: statistics.conflicts,
      links_up: statistics.linksUp,
      links_down: statistics.linksDown,
      dials_failed: statistics.dialsFailed,
      handshakes_refused: statistics.handshakesRefused,
      dropped: { ...statistics.dropped },
    },
  };
}
