//! How a table of refusals is read.

use proc_macro2::TokenStream;
use syn::{
    Attribute, Error, Expr, Field, Fields, FieldsNamed, FieldsUnnamed, Ident, LitInt, LitStr, Path, Result, Token,
    Visibility, braced, parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token,
};

/// The whole table.
pub struct Table {
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub name: Ident,
    pub lines: Vec<Line>,
}

/// One refusal.
pub struct Line {
    pub attrs: Vec<Attribute>,
    pub name: Ident,
    pub fields: Fields,
    pub kind: Ident,
    pub text: LitStr,
    pub arguments: Vec<Argument>,
    pub code: Option<LitStr>,
    pub at: Option<At>,
    pub after: Option<After>,
}

/// What the text is filled in with, beside the fields.
pub struct Argument {
    pub name: Option<Ident>,
    pub value: Expr,
}

/// Which field of the request is wrong.
pub enum At {
    /// A path that may name fields of the refusal.
    Field(LitStr),
    /// A function of the refusal's fields.
    Function(Path),
}

/// When it makes sense to ask again.
pub enum After {
    /// So many seconds later.
    Seconds(LitInt),
    /// An expression of type `Duration` over the refusal's fields.
    Value(TokenStream),
}

impl Parse for Table {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        input.parse::<Token![enum]>()?;
        let name = input.parse()?;
        let inner;
        braced!(inner in input);
        let lines = Punctuated::<Line, Token![,]>::parse_terminated(&inner)?.into_iter().collect();
        Ok(Self { attrs, vis, name, lines })
    }
}

impl Parse for Line {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let name = input.parse()?;
        let fields = if input.peek(token::Brace) {
            Fields::Named(input.parse::<FieldsNamed>()?)
        } else if input.peek(token::Paren) {
            Fields::Unnamed(input.parse::<FieldsUnnamed>()?)
        } else {
            Fields::Unit
        };
        input.parse::<Token![:]>().map_err(|error| Error::new(error.span(), "expected `: Kind \"text\"`"))?;
        let kind = input.parse()?;
        let (text, arguments) = text(input)?;
        let mut line = Self { attrs, name, fields, kind, text, arguments, code: None, at: None, after: None };
        while !input.is_empty() && !input.peek(Token![,]) {
            line.clause(input)?;
        }
        Ok(line)
    }
}

impl Line {
    /// The fields with names.
    pub fn named(&self) -> impl Iterator<Item = (&Ident, &Field)> {
        self.fields.iter().filter_map(|field| field.ident.as_ref().map(|name| (name, field)))
    }

    fn clause(&mut self, input: ParseStream<'_>) -> Result<()> {
        if input.parse::<Option<Token![as]>>()?.is_some() {
            self.code = Some(input.parse()?);
            return Ok(());
        }
        let word: Ident = input.call(|input| input.parse()).map_err(|error: Error| {
            Error::new(error.span(), "expected a comma, `as \"CODE\"`, `at \"field\"` or `after 5`")
        })?;
        if word == "at" {
            let at = if input.peek(LitStr) { At::Field(input.parse()?) } else { At::Function(input.parse()?) };
            self.at = Some(at);
        } else if word == "after" {
            let after = if input.peek(LitInt) {
                After::Seconds(input.parse()?)
            } else if input.peek(token::Paren) {
                let inner;
                parenthesized!(inner in input);
                After::Value(inner.parse()?)
            } else {
                let field: Ident = input.parse()?;
                After::Value(quote::quote!(*#field))
            };
            self.after = Some(after);
        } else {
            return Err(Error::new(word.span(), "expected `as \"CODE\"`, `at \"field\"` or `after 5`"));
        }
        Ok(())
    }
}

/// `"text"`, or `("text with {} and {max}", FIRST, max = SECOND)`.
fn text(input: ParseStream<'_>) -> Result<(LitStr, Vec<Argument>)> {
    if !input.peek(token::Paren) {
        return Ok((input.parse()?, Vec::new()));
    }
    let inner;
    parenthesized!(inner in input);
    let text = inner.parse()?;
    let mut arguments = Vec::new();
    while !inner.is_empty() {
        inner.parse::<Token![,]>()?;
        if inner.is_empty() {
            break;
        }
        let named = inner.peek(Ident) && inner.peek2(Token![=]) && !inner.peek2(Token![==]);
        let name = if named {
            let name = inner.parse()?;
            inner.parse::<Token![=]>()?;
            Some(name)
        } else {
            None
        };
        arguments.push(Argument { name, value: inner.parse()? });
    }
    Ok((text, arguments))
}
