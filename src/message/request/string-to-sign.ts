import { ALGORITHM_NAMES, type RequestAlgorithm } from './algorithm.ts';
import { hashOfText } from './canonical-request.ts';
import { type CredentialScope, formatScope } from './credential-scope.ts';

/** `ALGORITHM \n timestamp \n scope \n hex(SHA-256(canonical request))`: the text that a signature is over. ASCII. */
export function stringToSign(
  algorithm: RequestAlgorithm,
  timestamp: string,
  scope: CredentialScope,
  canonicalRequest: string,
): string {
  return [ALGORITHM_NAMES[algorithm], timestamp, formatScope(scope), hashOfText(canonicalRequest)].join('\n');
}
