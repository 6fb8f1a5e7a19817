import type { NodeId } from '../../identity/node-id.ts';
import type { StreamKey } from '../../message/message-id.ts';
import { DIGEST_STREAMS_MAX, type DigestStream } from '../links/frame.ts';
import type { HeldStream } from '../held/held-streams.ts';

/** One page of a digest: all streams whose key lies in `(from, to]`; an empty `to` is the end. */
export interface DigestPage {
  readonly from: string;
  readonly to: string;
  readonly last: boolean;
  readonly streams: readonly DigestStream[];
}

/** Bytes that a page may take, so that whatever authors do with their counters it fits a frame. */
export const PAGE_BYTES_MAX = 48 * 1024;
/** The longest integer that bounds a range takes so many bytes, and so do the heads around a stream. */
const NUMBER_BYTES = 9;

/** What a digest lists of a stream of which nothing is wanted now: every counter there can be. */
const NOTHING_WANTED: readonly number[] = Object.freeze([0, Number.MAX_SAFE_INTEGER]);

/** Whether the digest says so of the stream: then its ranges do not tell what the sender has. */
export function isUnwanted({ ranges }: DigestStream): boolean {
  return ranges.at(-1) === Number.MAX_SAFE_INTEGER;
}

/**
 * What is held of all streams, in pages of rising keys. At least one page, the last one marked.
 *
 * @param isWanted false for authors of whom nothing would be taken now: what they flooded the mesh with is not to be
 *   sent again and again.
 */
export function digestPages(
  streams: ReadonlyMap<StreamKey, HeldStream>,
  isWanted: (author: NodeId) => boolean,
): DigestPage[] {
  const sorted = Array.from(streams.values()).sort((a, b) => (a.key < b.key ? -1 : 1));
  const pages: DigestPage[] = [];
  let from = '';
  let page: DigestStream[] = [];
  let bytes = 0;
  for (const { key, origin, ranges } of sorted) {
    const flat = isWanted(origin) ? ranges.flat : NOTHING_WANTED;
    const more = key.length + (flat.length + 3) * NUMBER_BYTES;
    if (page.length >= DIGEST_STREAMS_MAX || bytes + more > PAGE_BYTES_MAX) {
      const to = page.at(-1)?.key ?? '';
      pages.push({ from, to, last: false, streams: page });
      from = to;
      page = [];
      bytes = 0;
    }
    page.push({ key, ranges: flat });
    bytes += more;
  }
  pages.push({ from, to: '', last: true, streams: page });
  return pages;
}

/** Whether `key` belongs to the page. */
export function isInPage(key: string, { from, to }: Pick<DigestPage, 'from' | 'to'>): boolean {
  return key > from && (to === '' || key <= to);
}
