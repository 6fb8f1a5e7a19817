import type { DerReader } from '../../../codec/der-reader.ts';
import { contextTag, TAG } from '../../../codec/der-tag.ts';
import { OID } from '../../../codec/oid.ts';
import { readCount, readList, refuse } from './extension-parts.ts';

export interface PolicyMapping {
  readonly issuerDomain: string;
  readonly subjectDomain: string;
}

export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | undefined;
  readonly inhibitPolicyMapping: number | undefined;
}

/** `PolicyInformation` (RFC 5280 section 4.2.1.4). */
export function readPolicies(reader: DerReader, isCritical: boolean): readonly string[] {
  const policies = readList(reader.sequence(), (list) => {
    const information = list.sequence();
    const policy = information.oid();
    const qualifiers = information.isAtEnd ? [] : readList(information.sequence(), readQualifier);
    information.end();
    // What is critical must be understood whole; anyPolicy has only the qualifiers of the standard.
    if ((isCritical || policy === OID.anyPolicy) && qualifiers.some((type) => !QUALIFIERS.has(type)))
      refuse('certificate policy has a qualifier that is not known here');
    return policy;
  });
  if (new Set(policies).size !== policies.length) refuse('a certificate policy stands twice');
  return policies;
}

const QUALIFIERS: ReadonlySet<string> = new Set([OID.cpsQualifier, OID.userNoticeQualifier]);

function readQualifier(list: DerReader): string {
  const qualifier = list.sequence();
  const type = qualifier.oid();
  if (type === OID.cpsQualifier) qualifier.content(TAG.ia5String);
  else if (type === OID.userNoticeQualifier) qualifier.sequence();
  else qualifier.raw();
  qualifier.end();
  return type;
}

export function readPolicyMappings(reader: DerReader): readonly PolicyMapping[] {
  return readList(reader.sequence(), (list) => {
    const mapping = list.sequence();
    const pair = { issuerDomain: mapping.oid(), subjectDomain: mapping.oid() };
    mapping.end();
    return pair;
  });
}

export function readPolicyConstraints(reader: DerReader): PolicyConstraints {
  const body = reader.sequence();
  const read = (n: number) =>
    body.peek() === contextTag(n, 'primitive') ? readCount(body, contextTag(n, 'primitive')) : undefined;
  const requireExplicitPolicy = read(0);
  const inhibitPolicyMapping = read(1);
  body.end();
  if (requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined) refuse('policy constraints are empty');
  return { requireExplicitPolicy, inhibitPolicyMapping };
}
