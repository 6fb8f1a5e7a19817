/** A type that is `T` at run time and itself at compile time, so that two kinds of number never mix. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };
