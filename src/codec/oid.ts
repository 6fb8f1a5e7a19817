/** Object identifiers that this program knows, each with the document that assigns it. */
export const OID = {
  // keys (RFC 5480, RFC 8410, RFC 8017)
  ecPublicKey: '1.2.840.10045.2.1',
  p256: '1.2.840.10045.3.1.7',
  p384: '1.3.132.0.34',
  p521: '1.3.132.0.35',
  secp256k1: '1.3.132.0.10',
  ed25519: '1.3.101.112',
  x25519: '1.3.101.110',
  rsaEncryption: '1.2.840.113549.1.1.1',

  // signatures (RFC 5758, RFC 8017)
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  ecdsaWithSha512: '1.2.840.10045.4.3.4',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  sha384WithRsa: '1.2.840.113549.1.1.12',
  sha512WithRsa: '1.2.840.113549.1.1.13',
  rsaPss: '1.2.840.113549.1.1.10',
  mgf1: '1.2.840.113549.1.1.8',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',

  // attributes of a distinguished name (RFC 5280 appendix A, RFC 4519)
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
  country: '2.5.4.6',
  locality: '2.5.4.7',
  state: '2.5.4.8',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  domainComponent: '0.9.2342.19200300.100.1.25',
  emailAddress: '1.2.840.113549.1.9.1',

  // certificate extensions (RFC 5280 section 4.2)
  subjectDirectoryAttributes: '2.5.29.9',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  crlDistributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  anyPolicy: '2.5.29.32.0',
  policyMappings: '2.5.29.33',
  authorityKeyIdentifier: '2.5.29.35',
  policyConstraints: '2.5.29.36',
  extendedKeyUsage: '2.5.29.37',
  anyExtendedKeyUsage: '2.5.29.37.0',
  freshestCrl: '2.5.29.46',
  inhibitAnyPolicy: '2.5.29.54',
  cpsQualifier: '1.3.6.1.5.5.7.2.1',
  userNoticeQualifier: '1.3.6.1.5.5.7.2.2',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  subjectInfoAccess: '1.3.6.1.5.5.7.1.11',

  // CRL extensions (RFC 5280 sections 5.2 and 5.3)
  crlNumber: '2.5.29.20',
  crlReason: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',

  // extended key usages (RFC 5280 section 4.2.1.12, RFC 9174 section 4.4.2.1)
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  bundleSecurity: '1.3.6.1.5.5.7.3.35',

  // other names (RFC 9174 section 4.4.2.1, RFC 9598 section 3)
  bundleEid: '1.3.6.1.5.5.7.8.11',
  smtpUtf8Mailbox: '1.3.6.1.5.5.7.8.9',

  // PKCS#9 (RFC 2985)
  extensionRequest: '1.2.840.113549.1.9.14',

  // ours, below a UUID (ITU-T X.667): nobody has to be asked for it, and nobody else has it
  meshGrants: '2.25.33654182720047348049586828178077466465.1',
  meshIssueIndex: '2.25.33654182720047348049586828178077466465.2',
  meshDelegations: '2.25.33654182720047348049586828178077466465.3',
} as const;
