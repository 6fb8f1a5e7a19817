import type { Bytes } from '../../../../base/bytes.ts';
import { fromHex } from '../../../../base/bytes.ts';

/** One file of Wycheproof (C2SP), as far as it is read here: foreign JSON, so every member may be missing. */
export interface VectorFile {
  readonly algorithm?: unknown;
  readonly testGroups?: unknown;
}

/** VectorMembers of a group or of a case. */
export type VectorMembers = Readonly<Record<string, unknown>>;

export interface VectorResult {
  /** tcId. */
  readonly id: number;
  readonly actual_result: 'valid' | 'invalid' | 'SKIPPED';
  readonly context: string;
}

/**
 * What one case comes to: `true` where the primitive gives or accepts what the case says, `false` where it refuses, a
 * text where this program has nothing to judge it with.
 */
export type Outcome = boolean | string;

/** Judges the cases of one kind of group. @throws for input that the primitive refuses: that is `invalid`. */
export type JudgeCase = (group: VectorMembers, test: VectorMembers, file: VectorMembers) => Outcome;

/** A hex member; absent is empty. @throws ERR_INPUT */
export function hex(members: VectorMembers, name: string): Bytes {
  return fromHex(text(members, name));
}

/** A text member; absent is empty. */
export function text(members: VectorMembers, name: string): string {
  const value = members[name];
  return typeof value === 'string' ? value : '';
}

/** A number; absent is NaN, which no bound lets through. */
export function count(members: VectorMembers, name: string): number {
  const value = members[name];
  return typeof value === 'number' ? value : Number.NaN;
}
