/** A property that may be absent, but not undefined. */
export const given = <K extends string, A>(key: K, value: A | undefined): { readonly [P in K]?: A } =>
  // a computed key is typed as any string
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: A })
