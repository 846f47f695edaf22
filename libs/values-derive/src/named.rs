//! `#[derive(Named)]`: texts for the variants of an enum without data, in Rust, SQL and JSON.

use heck::{ToShoutySnakeCase, ToSnakeCase};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result, Variant};

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "Named is for enums; a struct with one field derives Column"));
    };
    if data.variants.is_empty() {
        return Err(Error::new_spanned(&input.ident, "Named needs at least one variant"));
    }
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "Named is for enums without parameters"));
    }
    let capitals = capitals(input)?;
    let names: Vec<LitStr> = data.variants.iter().map(|variant| name(variant, capitals)).collect::<Result<_>>()?;
    for (at, name) in names.iter().enumerate() {
        if names[..at].iter().any(|before| before.value() == name.value()) {
            return Err(Error::new(name.span(), format!("{:?} stands for two variants", name.value())));
        }
    }
    let (this, vis) = (&input.ident, &input.vis);
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let (title, expected) = (this.to_string(), listed(&names));
    let sql = quote!(::values::private::sqlx);
    let postgres = quote!(::values::private::sqlx::Postgres);
    let boxed = quote!(::values::private::sqlx::error::BoxDynError);
    Ok(quote! {
        #[automatically_derived]
        impl #this {
            /// All of them, in the order of their declaration.
            #vis const ALL: &'static [Self] = &[#(Self::#variants),*];

            /// The text form, as it stands in tables, events and JSON.
            #[must_use]
            #vis const fn as_str(self) -> &'static str {
                match self {
                    #(Self::#variants => #names,)*
                }
            }

            /// Reads the text form.
            #[must_use]
            #vis fn parse(text: &str) -> ::core::option::Option<Self> {
                match text {
                    #(#names => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }

        #[automatically_derived]
        impl ::values::Named for #this {
            const NAME: &'static str = #title;
            const EXPECTED: &'static str = #expected;
            const ALL: &'static [Self] = Self::ALL;
            fn as_str(self) -> &'static str {
                Self::as_str(self)
            }
            fn parse(text: &str) -> ::core::option::Option<Self> {
                Self::parse(text)
            }
        }

        #[automatically_derived]
        impl ::values::refusal::Param for #this {
            fn param(&self) -> ::std::string::String {
                Self::as_str(*self).to_owned()
            }
        }

        #[automatically_derived]
        impl ::core::fmt::Display for #this {
            fn fmt(&self, out: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                out.write_str(Self::as_str(*self))
            }
        }

        #[automatically_derived]
        impl ::core::str::FromStr for #this {
            type Err = ::values::UnknownName;
            fn from_str(text: &str) -> ::core::result::Result<Self, ::values::UnknownName> {
                ::values::UnknownName::or(Self::parse(text))
            }
        }

        #[automatically_derived]
        impl ::values::private::serde::Serialize for #this {
            fn serialize<S: ::values::private::serde::Serializer>(
                &self,
                to: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                to.serialize_str(Self::as_str(*self))
            }
        }

        #[automatically_derived]
        impl<'de> ::values::private::serde::Deserialize<'de> for #this {
            fn deserialize<D: ::values::private::serde::Deserializer<'de>>(
                from: D,
            ) -> ::core::result::Result<Self, D::Error> {
                ::values::private::deserialize_name(from)
            }
        }

        #[automatically_derived]
        impl #sql::Type<#postgres> for #this {
            fn type_info() -> #sql::postgres::PgTypeInfo {
                <str as #sql::Type<#postgres>>::type_info()
            }
            fn compatible(info: &#sql::postgres::PgTypeInfo) -> bool {
                <str as #sql::Type<#postgres>>::compatible(info)
            }
        }

        #[automatically_derived]
        impl #sql::postgres::PgHasArrayType for #this {
            fn array_type_info() -> #sql::postgres::PgTypeInfo {
                <&str as #sql::postgres::PgHasArrayType>::array_type_info()
            }
            fn array_compatible(info: &#sql::postgres::PgTypeInfo) -> bool {
                <&str as #sql::postgres::PgHasArrayType>::array_compatible(info)
            }
        }

        #[automatically_derived]
        impl #sql::Encode<'_, #postgres> for #this {
            fn encode_by_ref(
                &self,
                buffer: &mut #sql::postgres::PgArgumentBuffer,
            ) -> ::core::result::Result<#sql::encode::IsNull, #boxed> {
                <&str as #sql::Encode<#postgres>>::encode(Self::as_str(*self), buffer)
            }
        }

        #[automatically_derived]
        impl<'r> #sql::Decode<'r, #postgres> for #this {
            fn decode(value: #sql::postgres::PgValueRef<'r>) -> ::core::result::Result<Self, #boxed> {
                ::values::private::decode_name(value)
            }
        }
    })
}

/// Whether the texts are written in capitals: `#[named(capitals)]` above the enum.
fn capitals(input: &DeriveInput) -> Result<bool> {
    let mut capitals = false;
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("named")) {
        attr.parse_nested_meta(|meta| {
            capitals = meta.path.is_ident("capitals");
            if capitals { Ok(()) } else { Err(meta.error("expected `capitals`")) }
        })?;
    }
    Ok(capitals)
}

fn name(variant: &Variant, capitals: bool) -> Result<LitStr> {
    if !matches!(variant.fields, Fields::Unit) {
        return Err(Error::new_spanned(
            variant,
            "Named is for variants without data; an enum with data derives Record",
        ));
    }
    let mut given = variant.attrs.iter().filter(|attr| attr.path().is_ident("named"));
    match given.next() {
        Some(attr) => attr.parse_args().map_err(|error| Error::new(error.span(), "expected #[named(\"the text\")]")),
        None => {
            let name = variant.ident.to_string();
            let text = if capitals { name.to_shouty_snake_case() } else { name.to_snake_case() };
            Ok(LitStr::new(&text, variant.ident.span()))
        }
    }
}

/// `a, b or c`.
fn listed(names: &[LitStr]) -> String {
    let names: Vec<String> = names.iter().map(LitStr::value).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
