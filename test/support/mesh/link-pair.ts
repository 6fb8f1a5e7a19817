import { concatBytes } from '../../../src/base/bytes.ts';
import type { Instant } from '../../../src/base/time.ts';
import type { Frame, HelloFrame } from '../../../src/engine/links/frame.ts';
import { decodeFrame } from '../../../src/engine/links/frame-codec.ts';
import { FrameSplitter } from '../../../src/engine/links/frame-splitter.ts';
import { Link, type MeshFrame } from '../../../src/engine/links/link.ts';
import { WINDOW_BYTES } from '../../../src/engine/links/credit.ts';
import type { NodeId } from '../../../src/identity/node-id.ts';
import { MESH, type MeshFixture } from './mesh-fixture.ts';

/** What one end does with the frames that it gets. */
export type Receive = (now: Instant, link: Link, frame: MeshFrame) => void;

let links = 0;

/** Two ends of one link, both up. Nothing passes until {@link LinkPair.pump}. */
export class LinkPair {
  readonly a: Link;
  readonly b: Link;
  /** Every frame that passed, as `a> TAG` or `b> TAG`; flow control and liveness apart. */
  readonly passed: string[] = [];
  readonly closed: string[] = [];

  constructor(now: Instant, fixture: MeshFixture, nameA: string, nameB: string, receiveA: Receive, receiveB: Receive) {
    const end = (name: string, receive: Receive, own: string): Link => {
      const { nodeId, chain } = fixture.member(name);
      return new Link(
        now,
        { id: ++links, direction: 'outbound', peer: { nodeId, chain }, remoteAddress: `${name}:1` },
        MESH,
        helloOf(fixture.member(own).nodeId),
        {
          up: () => undefined,
          frame: receive,
          closed: (_now, _link, why) => this.closed.push(`${own}: ${why}`),
          dirty: () => undefined,
        },
      );
    };
    this.a = end(nameB, receiveA, nameA);
    this.b = end(nameA, receiveB, nameB);
    this.pump(now);
  }

  /** Lets pass what waits on both sides, and what that brings about, until nothing is left. */
  pump(now: Instant, lose: (frame: Frame) => boolean = () => false): void {
    for (let turns = 0; ; turns++) {
      if (turns > 10_000) throw new Error('the two never come to an end');
      const fromA = this.a.takeOutput();
      const fromB = this.b.takeOutput();
      if (fromA === undefined && fromB === undefined) return;
      if (fromA !== undefined) this.#carry(now, 'a', fromA, this.b, lose);
      if (fromB !== undefined) this.#carry(now, 'b', fromB, this.a, lose);
    }
  }

  /** Frames that passed since the last look. */
  take(): string[] {
    return this.passed.splice(0);
  }

  #carry(now: Instant, from: string, piece: Uint8Array, to: Link, lose: (frame: Frame) => boolean): void {
    const kept: Uint8Array[] = [];
    for (const body of new FrameSplitter().push(piece)) {
      const frame = decodeFrame(body);
      if (lose(frame)) continue;
      if (!LINK_FRAMES.has(frame.tag)) this.passed.push(`${from}> ${frame.tag}`);
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, body.length);
      kept.push(length, body);
    }
    if (kept.length > 0) to.handleBytes(now, concatBytes(...kept));
  }
}

const LINK_FRAMES = new Set<string>(['hello', 'credit', 'ping', 'pong', 'bye']);

/** What a node says first. */
export function helloOf(nodeId: NodeId): HelloFrame {
  return {
    tag: 'hello',
    version: 1,
    mesh: MESH,
    nodeId,
    software: '',
    addresses: [],
    crls: [],
    heldIncarnation: 0,
    windowBytes: WINDOW_BYTES,
  };
}
