//! `#[derive(Column)]`: a struct with one unnamed field is one column of its inner type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "Column is for structs; an enum without data derives Named"));
    };
    let Fields::Unnamed(fields) = &data.fields else {
        return Err(Error::new_spanned(&input.ident, "Column is for structs such as `Tags(Vec<String>)`"));
    };
    let (Some(inner), 1) = (fields.unnamed.first(), fields.unnamed.len()) else {
        return Err(Error::new_spanned(&data.fields, "Column is for structs with exactly one field"));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "Column is for structs without parameters"));
    }
    let mut parse = false;
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("column")) {
        attr.parse_nested_meta(|meta| {
            parse = meta.path.is_ident("parse");
            if parse { Ok(()) } else { Err(meta.error("expected `parse`")) }
        })?;
    }
    let (this, inner) = (&input.ident, &inner.ty);
    let sql = quote!(::values::private::sqlx);
    let postgres = quote!(::values::private::sqlx::Postgres);
    let boxed = quote!(::values::private::sqlx::error::BoxDynError);
    let decode = if parse {
        quote!(::values::private::Parsed::parsed(Self::parse(&inner), stringify!(#this)))
    } else {
        quote!(::core::result::Result::Ok(Self(inner)))
    };
    Ok(quote! {
        #[automatically_derived]
        impl #sql::Type<#postgres> for #this {
            fn type_info() -> #sql::postgres::PgTypeInfo {
                <#inner as #sql::Type<#postgres>>::type_info()
            }
            fn compatible(info: &#sql::postgres::PgTypeInfo) -> bool {
                <#inner as #sql::Type<#postgres>>::compatible(info)
            }
        }

        #[automatically_derived]
        impl #sql::Encode<'_, #postgres> for #this {
            fn encode_by_ref(
                &self,
                buffer: &mut #sql::postgres::PgArgumentBuffer,
            ) -> ::core::result::Result<#sql::encode::IsNull, #boxed> {
                <#inner as #sql::Encode<#postgres>>::encode_by_ref(&self.0, buffer)
            }
        }

        #[automatically_derived]
        impl<'r> #sql::Decode<'r, #postgres> for #this {
            fn decode(value: #sql::postgres::PgValueRef<'r>) -> ::core::result::Result<Self, #boxed> {
                let inner = <#inner as #sql::Decode<#postgres>>::decode(value)?;
                #decode
            }
        }
    })
}
