import { MeshError, quoted } from '../../base/errors.ts';

/** Evidence types that will be appraised one day; recognised, so that the refusal says which it is. */
const KNOWN_EVIDENCE: ReadonlySet<string> = new Set([
  'tpm_quote',
  'android_key',
  'apple_app_attest',
  'play_integrity',
  'app_token',
]);

/** What is wrong with the evidence that came with a request; `undefined` where there is none of it. */
export function judgeEvidence(attestation: { readonly type: string } | undefined): MeshError | undefined {
  if (attestation === undefined) return undefined;
  const { type } = attestation;
  if (type === 'safetynet')
    return new MeshError(
      'ERR_ATTESTATION',
      'safetynet evidence is refused: Google shut the SafetyNet Attestation API down in January 2025',
      'use play_integrity on Android',
    );
  if (KNOWN_EVIDENCE.has(type))
    return new MeshError('ERR_ATTESTATION', `${type} evidence is not accepted here yet`, 'enrol without attestation');
  return new MeshError('ERR_ATTESTATION', `evidence type ${quoted(type)} is unknown`, 'enrol without attestation');
}
