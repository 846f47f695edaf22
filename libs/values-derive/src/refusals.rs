//! `refusals!`: prints the enum of a table with its texts, kinds, codes and parameters.

use heck::{ToLowerCamelCase, ToShoutySnakeCase};
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Error, Fields, Ident, LitStr, spanned::Spanned};

use crate::refusals_parse::{After, Argument, At, Line, Table};

pub fn print(table: &Table) -> TokenStream {
    let Table { attrs, vis, name: this, lines } = table;
    if let Some(error) = twice(lines) {
        return error.into_compile_error();
    }
    let declared = lines.iter().map(|line| {
        let Line { attrs, name, fields, .. } = line;
        quote!(#(#attrs)* #name #fields)
    });
    let codes = unique(lines).into_iter().map(|line| {
        let (code, kind) = (code(line), &line.kind);
        quote!((#code, ::values::refusal::Kind::#kind))
    });
    let texts = lines.iter().map(|line| {
        let text = positional(line, &line.text);
        let arguments = line.arguments.iter().map(|Argument { name, value }| match name {
            Some(name) => quote!(#name = #value),
            None => quote!(#value),
        });
        arm(line, &quote_spanned!(line.text.span()=> ::core::write!(out, #text #(, #arguments)*)))
    });
    let kinds = lines.iter().map(|line| {
        let (name, kind) = (&line.name, &line.kind);
        quote!(Self::#name { .. } => ::values::refusal::Kind::#kind)
    });
    let names = lines.iter().map(|line| {
        let (name, code) = (&line.name, code(line));
        quote!(Self::#name { .. } => #code)
    });
    let params = arms(lines, params, &quote!(::values::Params::new()));
    let violations = arms(lines, violations, &quote!(::std::vec::Vec::new()));
    let wait = |line: &Line| {
        let wait = match line.after.as_ref()? {
            After::Seconds(seconds) => quote!(::core::time::Duration::from_secs(#seconds)),
            After::Value(value) => value.clone(),
        };
        Some(quote!(::core::option::Option::Some(#wait)))
    };
    let waits = arms(lines, wait, &quote!(::core::option::Option::None));
    quote! {
        #(#attrs)*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #vis enum #this {
            #(#declared,)*
        }

        #[automatically_derived]
        impl #this {
            /// Every public code with its kind: a promise to clients.
            #vis const CODES: &'static [(&'static str, ::values::refusal::Kind)] = &[#(#codes),*];

            /// What sort of refusal it is.
            #[must_use]
            #vis const fn kind(&self) -> ::values::refusal::Kind {
                match self { #(#kinds,)* }
            }

            /// The public code.
            #[must_use]
            #vis const fn code(&self) -> &'static str {
                match self { #(#names,)* }
            }
        }

        #[automatically_derived]
        impl ::core::fmt::Display for #this {
            fn fmt(&self, out: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self { #(#texts,)* }
            }
        }

        #[automatically_derived]
        impl ::core::error::Error for #this {}

        #[automatically_derived]
        impl ::values::refusal::Refusal for #this {
            fn kind(&self) -> ::values::refusal::Kind {
                Self::kind(self)
            }
            fn reason(&self) -> &'static str {
                Self::code(self)
            }
            fn params(&self) -> ::values::Params {
                match self { #params }
            }
            fn violations(&self) -> ::std::vec::Vec<::values::refusal::Violation> {
                match self { #violations }
            }
            fn retry_after(&self) -> ::core::option::Option<::core::time::Duration> {
                match self { #waits }
            }
        }

        #[automatically_derived]
        impl ::values::refusal::Codes for #this {
            const CODES: &'static [(&'static str, ::values::refusal::Kind)] = Self::CODES;
        }
    }
}

fn code(line: &Line) -> LitStr {
    let made = || LitStr::new(&line.name.to_string().to_shouty_snake_case(), line.name.span());
    line.code.clone().unwrap_or_else(made)
}

/// Every code once.
fn unique(lines: &[Line]) -> Vec<&Line> {
    let mut unique: Vec<&Line> = Vec::new();
    for line in lines {
        if unique.iter().all(|before| code(before).value() != code(line).value()) {
            unique.push(line);
        }
    }
    unique
}

/// A code may stand for several refusals, but only of one kind.
fn twice(lines: &[Line]) -> Option<Error> {
    lines.iter().enumerate().find_map(|(at, line)| {
        let same = lines[..at].iter().find(|before| code(before).value() == code(line).value())?;
        let told = || format!("{} is {} already", code(line).value(), same.kind);
        (same.kind != line.kind).then(|| Error::new(code(line).span(), told()))
    })
}

/// The arms of those lines that have something to say, and one for all others.
fn arms(lines: &[Line], said: impl Fn(&Line) -> Option<TokenStream>, otherwise: &TokenStream) -> TokenStream {
    let arms: Vec<TokenStream> = lines.iter().filter_map(|line| Some(arm(line, &said(line)?))).collect();
    let rest = (arms.len() < lines.len()).then(|| quote!(_ => #otherwise,));
    quote!(#(#arms,)* #rest)
}

/// What a variant says, which need not name all its fields.
fn arm(line: &Line, said: &TokenStream) -> TokenStream {
    let pattern = pattern(line);
    let fields: Vec<&Ident> = line.named().map(|(name, _)| name).collect();
    if fields.is_empty() {
        return quote!(#pattern => #said);
    }
    quote!(#pattern => { let _ = (#(#fields,)*); #said })
}

/// The variant with all its fields: by name, or as `_0`, `_1`.
fn pattern(line: &Line) -> TokenStream {
    let name = &line.name;
    match &line.fields {
        Fields::Named(_) => {
            let fields = line.named().map(|(name, _)| name);
            quote!(Self::#name { #(#fields),* })
        }
        Fields::Unnamed(fields) => {
            let fields = places(fields.unnamed.len());
            quote!(Self::#name(#(#fields),*))
        }
        Fields::Unit => quote!(Self::#name),
    }
}

fn places(count: usize) -> Vec<Ident> {
    (0..count).map(|at| format_ident!("_{at}")).collect()
}

/// `{0}` in a text means the first unnamed field, as in `thiserror`.
fn positional(line: &Line, text: &LitStr) -> LitStr {
    let Fields::Unnamed(fields) = &line.fields else { return text.clone() };
    let mut value = text.value();
    for at in 0..fields.unnamed.len() {
        value = value
            .replace(&format!("{{{at}}}"), &format!("{{_{at}}}"))
            .replace(&format!("{{{at}:"), &format!("{{_{at}:"));
    }
    LitStr::new(&value, text.span())
}

/// The named fields and the named arguments, for clients that translate. A violation says what is wrong by itself.
fn params(line: &Line) -> Option<TokenStream> {
    if line.at.is_some() {
        return None;
    }
    let fields = line.named().map(|(name, field)| {
        let text = name.to_string().to_lower_camel_case();
        quote_spanned!(field.ty.span()=> (::std::string::String::from(#text), ::values::refusal::Param::param(#name)))
    });
    let arguments = line.arguments.iter().filter_map(|Argument { name, value }| {
        let name = name.as_ref()?;
        let text = name.to_string().to_lower_camel_case();
        let value = quote_spanned!(value.span()=> ::values::refusal::Param::param(&#value));
        Some(quote!((::std::string::String::from(#text), #value)))
    });
    let all: Vec<TokenStream> = fields.chain(arguments).collect();
    (!all.is_empty()).then(|| quote!(::values::Params::from([#(#all),*])))
}

fn violations(line: &Line) -> Option<TokenStream> {
    match line.at.as_ref()? {
        At::Field(path) => {
            let path = positional(line, path);
            Some(quote_spanned! {path.span()=>
                ::std::vec![::values::refusal::Violation::new(
                    ::std::string::ToString::to_string(&::core::format_args!(#path)),
                    ::values::ViolationCode::InvalidValue,
                    ::std::string::ToString::to_string(self),
                )]
            })
        }
        At::Function(function) => {
            let fields: Vec<Ident> = match &line.fields {
                Fields::Unnamed(fields) => places(fields.unnamed.len()),
                _ => line.named().map(|(name, _)| name.clone()).collect(),
            };
            Some(quote_spanned!(function.span()=> #function(#(#fields),*)))
        }
    }
}
