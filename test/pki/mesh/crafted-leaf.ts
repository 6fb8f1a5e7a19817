import { after, DAY_MS } from '../../../src/base/time.ts';
import { context, contextPrimitive, ia5String, namedBits, oid, sequence } from '../../../src/codec/der-writer.ts';
import { OID } from '../../../src/codec/oid.ts';
import { generatePkcs8, softwareSigner } from '../../../src/crypto/keys/signer.ts';
import { parseCapability, parseRole } from '../../../src/identity/capability.ts';
import { type Certificate, parseCertificate } from '../../../src/pki/x509/certificate/certificate.ts';
import { signCertificate } from '../../../src/pki/x509/certificate/certificate-build.ts';
import { KEY_USAGE } from '../../../src/pki/x509/certificate/extensions.ts';
import { encodeGrants } from '../../../src/pki/mesh/mesh-extensions.ts';
import { commonName, extensionOf } from '../../support/make-certificate.ts';
import { NOW, serial, type TestMesh } from '../../support/mesh/issuers.ts';

/** What a crafted leaf differs in from a node's; `names` are its alternative names. */
export interface LeafRecipe {
  readonly subject?: string;
  readonly spki?: Uint8Array;
  readonly usages?: readonly string[] | null;
  readonly keyUsage?: number;
  /** In place of the grants. */
  readonly extra?: readonly Uint8Array[];
}

export const bundleEid = (text: string): Uint8Array => context(0, oid(OID.bundleEid), context(0, ia5String(text)));

export const grantsOf = (...roles: readonly string[]): Uint8Array =>
  extensionOf(OID.meshGrants, encodeGrants({ roles: roles.map(parseRole), capabilities: [parseCapability('relay')] }));

/** A leaf that the intermediate signs without asking the profile: what a careless or stolen issuer could make. */
export async function craftLeaf(
  mesh: TestMesh,
  names: readonly Uint8Array[],
  recipe: LeafRecipe = {},
): Promise<Certificate> {
  const { usages = [OID.serverAuth, OID.clientAuth, OID.bundleSecurity] } = recipe;
  const keyId = Uint8Array.fromHex(mesh.intermediate.extensions.subjectKeyIdentifier ?? '');
  const der = await signCertificate(
    {
      issuer: mesh.intermediate.subject.der,
      subject: commonName(recipe.subject ?? 'n1'),
      spki: recipe.spki ?? softwareSigner(generatePkcs8('Ed25519')).spki,
      serial: serial(),
      notBefore: NOW,
      notAfter: after(NOW, DAY_MS),
      extensions: [
        extensionOf(OID.keyUsage, namedBits(recipe.keyUsage ?? KEY_USAGE.digitalSignature), true),
        ...(usages === null ? [] : [extensionOf(OID.extendedKeyUsage, sequence(...usages.map(oid)))]),
        extensionOf(OID.authorityKeyIdentifier, sequence(contextPrimitive(0, keyId))),
        ...(names.length === 0 ? [] : [extensionOf(OID.subjectAltName, sequence(...names))]),
        ...(recipe.extra ?? [grantsOf()]),
      ],
    },
    mesh.intermediateSigner,
  );
  return parseCertificate(der);
}
