import type { Bytes } from '../../base/bytes.ts';
import { textOfUtf8 } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { type DerReader, readOnly } from '../../codec/der-reader.ts';
import { TAG } from '../../codec/der-tag.ts';
import { type DerPart, inner, sequence, unsignedInteger, utf8String } from '../../codec/der-writer.ts';
import { OID } from '../../codec/oid.ts';
import {
  CAPABILITIES_MAX,
  type Capability,
  parseCapability,
  parseRole,
  ROLES_MAX,
  type Role,
} from '../../identity/capability.ts';
import type { Certificate } from '../x509/certificate/certificate.ts';

/** What an authority permits the holder of a certificate. */
export interface Grants {
  readonly roles: readonly Role[];
  readonly capabilities: readonly Capability[];
}

/** `Grants ::= SEQUENCE { roles SEQUENCE OF UTF8String, capabilities SEQUENCE OF UTF8String }` under `2.25.UUID.1`. */
export function encodeGrants({ roles, capabilities }: Grants): Bytes {
  return sequence(textList(roles), textList(capabilities));
}

function textList(values: readonly string[]): DerPart {
  return inner(TAG.sequence, ...values.map(utf8String));
}

/** `undefined` where the certificate has no such extension. @throws ERR_DER, ERR_INPUT for a malformed one. */
export function grantsOf(certificate: Certificate): Grants | undefined {
  const extension = certificate.extensions.raw.get(OID.meshGrants);
  if (extension === undefined) return undefined;
  return readOnly(extension.value, (reader) => {
    const body = reader.sequence();
    const roles = readTexts(body.sequence(), ROLES_MAX).map(parseRole);
    const capabilities = readTexts(body.sequence(), CAPABILITIES_MAX).map(parseCapability);
    body.end();
    return { roles, capabilities };
  });
}

/** `IssueIndex ::= INTEGER` under `2.25.UUID.2`: dense numbers from 0 that compact revocation lists speak of. */
export function encodeIssueIndex(issueIndex: number): Bytes {
  return unsignedInteger(issueIndex);
}

/** `undefined` where the certificate has no such extension. @throws ERR_DER for a malformed one. */
export function issueIndexOf(certificate: Certificate): number | undefined {
  const extension = certificate.extensions.raw.get(OID.meshIssueIndex);
  return extension === undefined ? undefined : readOnly(extension.value, (reader) => reader.smallInteger());
}

function readTexts(list: DerReader, max: number): string[] {
  const texts: string[] = [];
  while (!list.isAtEnd) {
    if (texts.length >= max) throw new MeshError('ERR_DER', `list of more than ${max} texts`);
    texts.push(textOfUtf8(list.content(TAG.utf8String)));
  }
  return texts;
}
