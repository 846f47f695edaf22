//! `#[derive(Patch)]`: `CoursePage` gets a `CoursePagePatch`, each of whose fields may be left out, and a method
//! `with`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, Result, Type};

/// How a field changes.
enum How {
    /// As a whole.
    Whole,
    /// By a patch of its own.
    Nested,
    /// Never.
    Skip,
}

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "Patch is for structs with named fields"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&input.ident, "Patch is for structs with named fields"));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "Patch is for structs without parameters"));
    }
    let (this, vis) = (&input.ident, &input.vis);
    let patch = format_ident!("{this}Patch");
    let (mut declared, mut changed) = (Vec::new(), Vec::new());
    for field in &fields.named {
        let (name, vis, ty) = (&field.ident, &field.vis, &field.ty);
        let docs: Vec<&Attribute> = field.attrs.iter().filter(|attr| attr.path().is_ident("doc")).collect();
        match how(field)? {
            How::Whole => {
                declared.push(quote!(#(#docs)* #vis #name: ::core::option::Option<#ty>));
                changed.push(quote!(#name: patch.#name.unwrap_or(self.#name)));
            }
            How::Nested => {
                let nested = patch_of(ty)?;
                declared.push(quote!(#(#docs)* #vis #name: #nested));
                changed.push(quote!(#name: self.#name.with(patch.#name)));
            }
            How::Skip => changed.push(quote!(#name: self.#name)),
        }
    }
    let about = format!("What to change of a [`{this}`]; none leaves a field as it is.");
    Ok(quote! {
        #[doc = #about]
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #vis struct #patch {
            #(#declared,)*
        }

        #[automatically_derived]
        impl #this {
            /// The same, changed as the patch says.
            #[must_use]
            #vis fn with(self, patch: #patch) -> Self {
                Self { #(#changed,)* }
            }
        }
    })
}

fn how(field: &Field) -> Result<How> {
    let mut how = How::Whole;
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("patch")) {
        attr.parse_nested_meta(|meta| {
            how = match () {
                () if meta.path.is_ident("nested") => How::Nested,
                () if meta.path.is_ident("skip") => How::Skip,
                () => return Err(meta.error("expected `nested` or `skip`")),
            };
            Ok(())
        })?;
    }
    Ok(how)
}

/// `super::Window` is patched by a `super::WindowPatch`.
fn patch_of(ty: &Type) -> Result<Type> {
    let mut ty = ty.clone();
    if let Type::Path(path) = &mut ty
        && let Some(last) = path.path.segments.last_mut()
        && last.arguments.is_none()
    {
        last.ident = format_ident!("{}Patch", last.ident, span = last.ident.span());
        return Ok(ty);
    }
    Err(Error::new_spanned(ty, "a nested patch is for a struct that derives Patch itself"))
}
