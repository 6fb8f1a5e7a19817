/** The two ways to sign: with a shared secret, or with a key of which the verifier holds the public half only. */
export type RequestAlgorithm = 'sigv4' | 'sigv4a';

/** How they are called in a request. */
export const ALGORITHM_NAMES: Readonly<Record<RequestAlgorithm, string>> = {
  sigv4: 'AWS4-HMAC-SHA256',
  sigv4a: 'AWS4-ECDSA-P256-SHA256',
};

/** `undefined` for a name that is none. */
export function algorithmOfName(name: string): RequestAlgorithm | undefined {
  return (Object.keys(ALGORITHM_NAMES) as RequestAlgorithm[]).find((algorithm) => ALGORITHM_NAMES[algorithm] === name);
}
