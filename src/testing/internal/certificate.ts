/**
 * A self-signed certificate with its key for `localhost`, `127.0.0.1` and `::1`, valid from 2020 to 2119. FOR TESTS ONLY: the
 * key is public, it protects nothing, and nothing but the simulator may use it.
 */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBsjCCAVmgAwIBAgIBATAKBggqhkjOPQQDAjAxMS8wLQYDVQQDDCZlZmZlY3Qt
b2xsYW1hIHNpbXVsYXRvciBmb3IgdGVzdHMgb25seTAgFw0yMDAxMDEwMDAwMDBa
GA8yMTIwMDEwMTAwMDAwMFowMTEvMC0GA1UEAwwmZWZmZWN0LW9sbGFtYSBzaW11
bGF0b3IgZm9yIHRlc3RzIG9ubHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATa
hSSgjSADYLASYDJGAB9rb7bV6Newg+cArEXTn1HL+ibLQ9aky5EKnY8JtcH9Q0UF
dCVTN78eE6eiAuAsJHBko2AwXjAPBgNVHRMBAf8EBTADAQH/MCwGA1UdEQQlMCOC
CWxvY2FsaG9zdIcEfwAAAYcQAAAAAAAAAAAAAAAAAAAAATAdBgNVHQ4EFgQUo0vT
UTugwDkctq4S9MvcScooC9swCgYIKoZIzj0EAwIDRwAwRAIgKUPBl2zcdyIQme8m
7H15ssyrn4TrKN0sJdoVJsQCfvwCIEwEl6W9R3y3jVmmb7cQy3D51I74cTxihhqE
GB1AdQ4f
-----END CERTIFICATE-----
`

/** Public on purpose: see above. */
export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6qXR9uPKdXjqVUQ7
jrVNtBIjBLWE+E0iEm6CzPhDk52hRANCAATahSSgjSADYLASYDJGAB9rb7bV6New
g+cArEXTn1HL+ibLQ9aky5EKnY8JtcH9Q0UFdCVTN78eE6eiAuAsJHBk
-----END PRIVATE KEY-----
`
