//! `#[derive(Record)]`: a struct with named fields is a row of a table, or some columns of one. Enums stand in `variants`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Path, Result, spanned::Spanned};

use crate::variants;

/// What `#[record(…)]` says of a field.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    prefix: Option<LitStr>,
    with: Option<Path>,
    flatten: bool,
    skip: bool,
    key: bool,
    default_is_null: bool,
    json: bool,
}

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let data = match &input.data {
        Data::Struct(data) => data,
        Data::Enum(data) => return variants::derive(input, data),
        Data::Union(_) => return Err(Error::new_spanned(&input.ident, "Record is for structs and enums")),
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&input.ident, "Record is for structs with named fields; see Column for others"));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "Record is for structs without parameters"));
    }
    let constructor = constructor(input)?;
    let (mut columns, mut read, mut bind) = (Vec::new(), Vec::new(), Vec::new());
    let mut names = Vec::new();
    for field in &fields.named {
        let Some(name) = &field.ident else { continue };
        let options = options(field)?;
        let (column, value, bound) = one(field, name, &options);
        columns.extend(column);
        read.push(quote!(let #name = #value;));
        bind.extend(bound);
        names.push(name);
    }
    let made = match constructor {
        Some(new) => quote_spanned! {new.span()=>
            Self::#new(#(#names),*).map_err(::values::record::refused)
        },
        None => quote!(::core::result::Result::Ok(Self { #(#names),* })),
    };
    Ok(printed(&input.ident, &columns, &quote!(#(#read)* #made), &quote!(#(#bind)*)))
}

/// The implementation, and that of `sqlx::FromRow`.
pub fn printed(this: &Ident, columns: &[TokenStream], read: &TokenStream, bind: &TokenStream) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::values::Record for #this {
            const COLUMNS: &'static [::values::record::Column] = &[#(#columns),*];

            fn read(row: &::values::record::Row<'_>) -> ::core::result::Result<Self, ::values::record::Error> {
                #read
            }

            fn bind(record: ::core::option::Option<&Self>, to: &mut ::values::record::Arguments) {
                #bind
            }
        }

        #[automatically_derived]
        impl<'r> ::values::private::sqlx::FromRow<'r, ::values::private::sqlx::postgres::PgRow> for #this {
            fn from_row(
                row: &'r ::values::private::sqlx::postgres::PgRow,
            ) -> ::core::result::Result<Self, ::values::private::sqlx::Error> {
                <Self as ::values::Record>::read(&::values::record::Row::of(row))
            }
        }
    }
}

/// A field's column, how it is read, and how it is bound. The type's span makes the compiler complain there.
fn one(field: &Field, name: &Ident, options: &Options) -> (Option<TokenStream>, TokenStream, Option<TokenStream>) {
    let ty = &field.ty;
    let span = ty.span();
    if options.skip {
        return (None, quote_spanned!(span=> <#ty as ::core::default::Default>::default()), None);
    }
    if options.flatten {
        let prefix = options.prefix.clone().unwrap_or_else(|| LitStr::new("", span));
        let record = quote_spanned!(span=> <#ty as ::values::Record>);
        let key = options.key;
        return (
            Some(quote!(::values::record::Column::Nested { prefix: #prefix, key: #key, columns: #record::COLUMNS })),
            quote!(#record::read(&row.under(#prefix))?),
            Some(quote!(#record::bind(record.map(|record| &record.#name), to);)),
        );
    }
    let column = options.name.clone().unwrap_or_else(|| LitStr::new(&name.to_string(), name.span()));
    let key = options.key;
    let declared = quote!(::values::record::Column::Own { name: #column, key: #key });
    let (read, bind) = match &options.with {
        Some(with) => {
            let stored = quote_spanned!(with.span()=> <#with as ::values::record::Stored<#ty>>);
            (
                quote!(#stored::read(row.get(#column)?).map_err(::values::record::refused)?),
                quote!(to.add(record.map(|record| #stored::stored(&record.#name)));),
            )
        }
        None if options.json => (
            quote_spanned!(span=> row.get::<::values::private::sqlx::types::Json<#ty>>(#column)?.0),
            quote!(to.add(record.map(|record| ::values::private::sqlx::types::Json(&record.#name)));),
        ),
        None if options.default_is_null => (
            quote_spanned!(span=> row.get::<::core::option::Option<#ty>>(#column)?.unwrap_or_default()),
            quote_spanned! {span=>
                let null = <#ty as ::core::default::Default>::default();
                to.add(record.map(|record| &record.#name).filter(|value| **value != null));
            },
        ),
        None => (
            quote_spanned!(span=> row.get::<#ty>(#column)?),
            quote_spanned!(span=> to.add::<::core::option::Option<&#ty>>(record.map(|record| &record.#name));),
        ),
    };
    (Some(declared), read, Some(bind))
}

fn options(field: &Field) -> Result<Options> {
    let mut options = Options::default();
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("record")) {
        attr.parse_nested_meta(|meta| {
            let is = |word| meta.path.is_ident(word);
            match () {
                () if is("name") => options.name = Some(meta.value()?.parse()?),
                () if is("prefix") => options.prefix = Some(meta.value()?.parse()?),
                () if is("with") => options.with = Some(meta.value()?.parse()?),
                () if is("flatten") => options.flatten = true,
                () if is("skip") => options.skip = true,
                () if is("key") => options.key = true,
                () if is("default_is_null") => options.default_is_null = true,
                () if is("json") => options.json = true,
                () => {
                    let known = "name, prefix, with, flatten, skip, key, default_is_null or json";
                    return Err(meta.error(format!("expected {known}")));
                }
            }
            Ok(())
        })?;
    }
    let how = [options.with.is_some(), options.default_is_null, options.json];
    let own = options.name.is_some() || how.contains(&true);
    if options.flatten && own {
        return Err(Error::new_spanned(
            field,
            "a flattened field has the columns of its own record: only `prefix` and `key` go with it",
        ));
    }
    if options.prefix.is_some() && !options.flatten {
        return Err(Error::new_spanned(field, "`prefix` goes with `flatten`; one column is renamed by `name`"));
    }
    if options.skip && (own || options.flatten || options.key) {
        return Err(Error::new_spanned(field, "a skipped field has no column, so that nothing goes with `skip`"));
    }
    if how.iter().filter(|how| **how).count() > 1 {
        return Err(Error::new_spanned(field, "`with`, `default_is_null` and `json` each decide alone what is stored"));
    }
    Ok(options)
}

fn constructor(input: &DeriveInput) -> Result<Option<Ident>> {
    let mut constructor = None;
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("record")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("constructor") {
                return Err(meta.error("expected `constructor = …`"));
            }
            constructor = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(constructor)
}
