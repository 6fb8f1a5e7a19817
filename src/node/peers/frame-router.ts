import type { Instant } from '../../base/time.ts';
import type { CrlSync } from '../../engine/gossip/crl-sync.ts';
import type { Gate } from '../../engine/gate/gate.ts';
import type { Gossip } from '../../engine/gossip/gossip.ts';
import type { Link, MeshFrame } from '../../engine/links/link.ts';
import type { ChainExchange } from './chain-exchange.ts';

/** Whom frames are for. */
export interface FrameTakers {
  readonly gate: Gate;
  readonly gossip: Gossip;
  readonly crls: CrlSync;
  readonly exchange: ChainExchange;
}

/** Hands each frame of a link that stands to the engine that it is for. */
export function routeFrame(now: Instant, link: Link, frame: MeshFrame, takers: FrameTakers): void {
  const { gate, gossip, crls, exchange } = takers;
  switch (frame.tag) {
    case 'message':
      return gate.handleBytes(now, frame.bytes, {
        tag: 'link',
        link: link.end.id,
        peer: link.peer,
        bytesLength: frame.bytes.length,
      });
    case 'have':
      return gossip.handleHave(now, link, frame.keys);
    case 'want':
      return gossip.handleWant(link, frame.keys);
    case 'pull':
      crls.handleHeaders(now, link, frame.crls);
      return gossip.handlePull(now, link, frame);
    case 'pull-same':
      return gossip.handlePullSame(link, frame.id);
    case 'pull-differs':
      return gossip.handlePullDiffers(now, link, frame.id);
    case 'digest':
      return gossip.handleDigest(now, link, frame);
    case 'pull-done':
      return gossip.handlePullDone(now, link, frame.id, frame.more);
    case 'want-chains':
      return exchange.handleWantChains(link, frame.voucherIds);
    case 'chain':
      return exchange.handleChain(now, link, frame.certificates);
    case 'delegate':
      return exchange.handleDelegate(now, link, frame.statement);
    case 'crls':
      return crls.handleHeaders(now, link, frame.crls);
    case 'want-crl':
      return crls.handleWant(link, frame);
    case 'crl-piece':
      return crls.handlePiece(now, link, frame);
  }
}
