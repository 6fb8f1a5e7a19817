import { encodePem } from '../../codec/pem.ts';
import { generatePkcs8, softwareSigner } from '../../crypto/keys/signer.ts';
import { buildCsr } from '../../pki/x509/certificate/csr.ts';

/**
 * Another administrator's credential, made where the command runs: the key never leaves it.
 * @returns the request to be signed, and the key as plain PEM.
 */
export async function makeAdministratorKey(): Promise<{ readonly csr: string; readonly keyPem: string }> {
  const pkcs8 = generatePkcs8('P-256');
  try {
    const csr = encodePem('CERTIFICATE REQUEST', await buildCsr(softwareSigner(pkcs8)));
    return { csr, keyPem: encodePem('PRIVATE KEY', pkcs8) };
  } finally {
    pkcs8.fill(0);
  }
}
