import type { StreamKey } from '../message/message-id.ts';
import { DIGEST_STREAMS_MAX, type DigestStream } from './frame.ts';
import type { HeldStream } from './held-messages.ts';

/** One page of a digest: all streams whose key lies in `(from, to]`; an empty `to` is the end. */
export interface DigestPage {
  readonly from: string;
  readonly to: string;
  readonly last: boolean;
  readonly streams: readonly DigestStream[];
}

/** What is held of all streams, in pages of rising keys. At least one page, the last one marked. */
export function digestPages(streams: ReadonlyMap<StreamKey, HeldStream>): DigestPage[] {
  const sorted = Array.from(streams.values()).sort((a, b) => (a.key < b.key ? -1 : 1));
  const pages: DigestPage[] = [];
  let from = '';
  for (let start = 0; start === 0 || start < sorted.length; start += DIGEST_STREAMS_MAX) {
    const slice = sorted.slice(start, start + DIGEST_STREAMS_MAX);
    const last = start + DIGEST_STREAMS_MAX >= sorted.length;
    const to = last ? '' : (slice.at(-1)?.key ?? '');
    pages.push({ from, to, last, streams: slice.map(({ key, ranges }) => ({ key, ranges: ranges.flat })) });
    from = to;
  }
  return pages;
}

/** Whether `key` belongs to the page. */
export function isInPage(key: string, { from, to }: Pick<DigestPage, 'from' | 'to'>): boolean {
  return key > from && (to === '' || key <= to);
}
