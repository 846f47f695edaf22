//! `#[derive(Record)]` of an enum: one column has the variant's name, the others what some variants carry.

use heck::ToSnakeCase;
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, DataEnum, DeriveInput, Error, Field, Fields, Ident, LitStr, Result, Type, spanned::Spanned};

use crate::record::printed;

/// A variant and what it carries, each in a column.
struct Variant<'a> {
    ident: &'a Ident,
    fields: &'a Fields,
    name: LitStr,
    columns: Vec<(LitStr, &'a Type)>,
}

pub fn derive(input: &DeriveInput, data: &DataEnum) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "Record is for enums without parameters"));
    }
    let this = &input.ident;
    let variants: Vec<Variant<'_>> = data.variants.iter().map(read).collect::<Result<_>>()?;
    if variants.iter().all(|variant| variant.columns.is_empty()) {
        return Err(Error::new_spanned(this, "an enum without data derives Named"));
    }
    let state = name(&input.attrs)?.unwrap_or_else(|| LitStr::new(&this.to_string().to_snake_case(), this.span()));
    let carried = carried(&variants);
    let columns: Vec<TokenStream> = [&state]
        .into_iter()
        .chain(carried.iter().copied())
        .map(|name| quote!(::values::record::Column::of(#name)))
        .collect();
    let arms = variants.iter().map(|variant| arm(variant, &carried));
    let read = quote! {
        match row.get::<&str>(#state)? {
            #(#arms)*
            other => ::core::result::Result::Err(::values::record::refused(
                ::std::format!("{other:?} is no {}", ::core::stringify!(#this)),
            )),
        }
    };
    let bound = carried.iter().map(|column| bound(&variants, column));
    let bind = quote! {
        to.add(record.map(Self::as_str));
        #(#bound)*
    };
    let record = printed(this, &columns, &read, &bind);
    let (vis, names) = (
        &input.vis,
        variants.iter().map(|variant| {
            let Variant { ident, name, .. } = variant;
            quote!(Self::#ident { .. } => #name)
        }),
    );
    Ok(quote! {
        #[automatically_derived]
        impl #this {
            /// The name under which it is stored; what it carries is stored beside.
            #[must_use]
            #vis const fn as_str(&self) -> &'static str {
                match self { #(#names,)* }
            }
        }

        #record
    })
}

fn read(variant: &syn::Variant) -> Result<Variant<'_>> {
    let ident = &variant.ident;
    let name = name(&variant.attrs)?.unwrap_or_else(|| LitStr::new(&ident.to_string().to_snake_case(), ident.span()));
    let columns = variant.fields.iter().map(|field| Ok((column(field)?, &field.ty))).collect::<Result<_>>()?;
    Ok(Variant { ident, fields: &variant.fields, name, columns })
}

fn column(field: &Field) -> Result<LitStr> {
    match (name(&field.attrs)?, &field.ident) {
        (Some(name), _) => Ok(name),
        (None, Some(ident)) => Ok(LitStr::new(&ident.to_string(), ident.span())),
        (None, None) => Err(Error::new_spanned(field, "expected #[record(name = \"the column\")]")),
    }
}

/// What `#[record(name = "…")]` says, above the enum, a variant or a field.
fn name(attrs: &[Attribute]) -> Result<Option<LitStr>> {
    let mut name = None;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("record")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("expected `name = \"…\"`"));
            }
            name = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(name)
}

/// The columns beside the name's, each once.
fn carried<'a>(variants: &'a [Variant<'_>]) -> Vec<&'a LitStr> {
    let mut carried: Vec<&LitStr> = Vec::new();
    for (column, _) in variants.iter().flat_map(|variant| &variant.columns) {
        if carried.iter().all(|known| known.value() != column.value()) {
            carried.push(column);
        }
    }
    carried
}

/// How a variant is read. Columns of other variants are empty then, or the row is damaged.
fn arm(variant: &Variant<'_>, carried: &[&LitStr]) -> TokenStream {
    let Variant { ident, fields, name, columns } = variant;
    let others = carried.iter().filter(|column| columns.iter().all(|(own, _)| own.value() != column.value()));
    let values = columns.iter().map(|(column, ty)| quote_spanned!(ty.span()=> row.get::<#ty>(#column)?));
    let made = match fields {
        Fields::Unit => quote!(Self::#ident),
        Fields::Unnamed(_) => quote!(Self::#ident(#(#values),*)),
        Fields::Named(named) => {
            let names = named.named.iter().map(|field| &field.ident);
            quote!(Self::#ident { #(#names: #values),* })
        }
    };
    quote! {
        #name => {
            #(row.empty(#others)?;)*
            ::core::result::Result::Ok(#made)
        }
    }
}

/// What is stored in one column, whichever variant it is.
fn bound(variants: &[Variant<'_>], column: &LitStr) -> TokenStream {
    let mut first = None;
    let mut arms = Vec::new();
    for Variant { ident, fields, columns, .. } in variants {
        for (at, (_, ty)) in columns.iter().enumerate().filter(|(_, (own, _))| own.value() == column.value()) {
            first.get_or_insert(*ty);
            let pattern = match fields {
                Fields::Named(named) => {
                    let field = named.named.iter().nth(at).map(|field| &field.ident);
                    quote!(Self::#ident { #field: value, .. })
                }
                _ => {
                    let before = (0..at).map(|_| format_ident!("_"));
                    quote!(Self::#ident(#(#before,)* value, ..))
                }
            };
            arms.push(quote_spanned! {ty.span()=>
                ::core::option::Option::Some(#pattern) => to.add::<::core::option::Option<&#ty>>(
                    ::core::option::Option::Some(value),
                )
            });
        }
    }
    quote!(match record { #(#arms,)* _ => to.add::<::core::option::Option<&#first>>(::core::option::Option::None) })
}
